// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Asynchronous copies (cp.async, bulk and tensor copies) and mbarriers of the nvvm dialect as calls of the
// emulator's table.
#include "Lower.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace weft::emulator;

static Lowered refuse(Operation *op, const Twine &what) {
  op->emitError("no emulation for ") << what << " of '" << op->getName() << "'";
  return Lowered::Failed;
}

static Lowered lowerCpAsync(NVVM::CpAsyncOp op, Emit &emit) {
  Value size = emit.constant32(op.getSize());
  emit.call(WEFT_FUNCTION(copyAsync), Type(),
            {op.getDst(), op.getSrc(), size, op.getCpSize() ? op.getCpSize() : size});
  op.erase();
  return Lowered::Done;
}

static Value emitArrive(Emit &emit, Value address, Value count, Value bytes, uint32_t flags) {
  return emit.call(WEFT_FUNCTION(mbarrierArrive), emit.i64(),
                   {address, emit.orConstant(count, 1), emit.orConstant(bytes, 0), emit.constant32(flags)});
}

/// A wait or test; the second operand is a parity (i32) or a state (i64).
static Value emitWait(Emit &emit, Value address, Value stateOrParity, bool blocks) {
  uint32_t flags = blocks ? WEFT_WAIT_BLOCK : 0;
  if (stateOrParity.getType() == emit.i32()) {
    flags |= WEFT_WAIT_PARITY;
    stateOrParity = LLVM::ZExtOp::create(emit.b, emit.loc, emit.i64(), stateOrParity);
  }
  return emit.call(WEFT_FUNCTION(mbarrierWait), emit.i32(), {address, stateOrParity, emit.constant32(flags)});
}

static Value multicastMask(Emit &emit, Value mask) { return mask ? emit.toI32(mask) : emit.constant32(0); }

static Lowered lowerTensorLoad(NVVM::CpAsyncBulkTensorGlobalToSharedClusterOp op, SymbolTable &symbols) {
  if (op.getMode() != NVVM::TMALoadMode::TILE)
    return refuse(op, "this mode");
  emitPredicated(op, op.getPredicate(), symbols, [&](Emit &emit) {
    emit.call(WEFT_FUNCTION(tensorLoad), Type(),
              {op.getDstMem(), op.getTmaDescriptor(), op.getMbar(),
               emit.constant32(static_cast<int64_t>(op.getCoordinates().size())),
               emit.spill(op.getCoordinates()), multicastMask(emit, op.getMulticastMask())});
  });
  op.erase();
  return Lowered::Done;
}

static Lowered lowerTensorStore(NVVM::CpAsyncBulkTensorSharedCTAToGlobalOp op, SymbolTable &symbols) {
  if (op.getMode() != NVVM::TMAStoreMode::TILE)
    return refuse(op, "this mode");
  emitPredicated(op, op.getPredicate(), symbols, [&](Emit &emit) {
    emit.call(WEFT_FUNCTION(tensorStore), Type(),
              {op.getTmaDescriptor(), op.getSrcMem(),
               emit.constant32(static_cast<int64_t>(op.getCoordinates().size())),
               emit.spill(op.getCoordinates()), emit.constant32(WEFT_REDUCE_NONE)});
  });
  op.erase();
  return Lowered::Done;
}

static uint32_t reduceKind(NVVM::TMAReduxKind kind) {
  switch (kind) {
  case NVVM::TMAReduxKind::ADD:
    return WEFT_REDUCE_ADD;
  case NVVM::TMAReduxKind::MIN:
    return WEFT_REDUCE_SMIN;
  case NVVM::TMAReduxKind::MAX:
    return WEFT_REDUCE_SMAX;
  case NVVM::TMAReduxKind::INC:
    return WEFT_REDUCE_INC;
  case NVVM::TMAReduxKind::DEC:
    return WEFT_REDUCE_DEC;
  case NVVM::TMAReduxKind::AND:
    return WEFT_REDUCE_AND;
  case NVVM::TMAReduxKind::OR:
    return WEFT_REDUCE_OR;
  case NVVM::TMAReduxKind::XOR:
    return WEFT_REDUCE_XOR;
  }
  llvm_unreachable("a kind that the enumeration lacks");
}

static Lowered lowerTensorReduce(NVVM::CpAsyncBulkTensorReduceOp op, Emit &emit) {
  if (op.getMode() != NVVM::TMAStoreMode::TILE)
    return refuse(op, "this mode");
  emit.call(WEFT_FUNCTION(tensorStore), Type(),
            {op.getTmaDescriptor(), op.getSrcMem(),
             emit.constant32(static_cast<int64_t>(op.getCoordinates().size())),
             emit.spill(op.getCoordinates()), emit.constant32(reduceKind(op.getRedKind()))});
  op.erase();
  return Lowered::Done;
}

static Lowered lowerBulkStore(NVVM::CpAsyncBulkSharedCTAToGlobalOp op, Emit &emit) {
  if (op.getByteMask())
    return refuse(op, "the byte mask");
  emit.call(WEFT_FUNCTION(bulkStore), Type(), {op.getDstMem(), op.getSrcMem(), op.getSize()});
  op.erase();
  return Lowered::Done;
}

static Lowered lowerMbarrier(Operation *op, SymbolTable &symbols) {
  Emit emit(op, symbols);
  auto done = [&](Value value = Value()) {
    replaceOp(op, value);
    return Lowered::Done;
  };
  return llvm::TypeSwitch<Operation *, Lowered>(op)
      .Case([&](NVVM::MBarrierInitOp init) {
        Value address = init.getAddr(), count = init.getCount();
        emitPredicated(op, init.getPredicate(), symbols, [&](Emit &inside) {
          inside.call(WEFT_FUNCTION(mbarrierInit), Type(), {address, count});
        });
        return done();
      })
      .Case([&](NVVM::MBarrierInvalOp inval) {
        emit.call(WEFT_FUNCTION(mbarrierInvalidate), Type(), {inval.getAddr()});
        return done();
      })
      .Case([&](NVVM::MBarrierExpectTxOp expect) {
        emit.call(WEFT_FUNCTION(mbarrierExpect), Type(), {expect.getAddr(), expect.getTxcount()});
        return done();
      })
      .Case([&](NVVM::MBarrierCompleteTxOp complete) {
        emit.call(WEFT_FUNCTION(mbarrierComplete), Type(), {complete.getAddr(), complete.getTxcount()});
        return done();
      })
      .Case([&](NVVM::MBarrierArriveOp arrive) {
        return done(emitArrive(emit, arrive.getAddr(), arrive.getCount(), Value(),
                               arrive.getRelaxed() ? WEFT_ARRIVE_RELAXED : 0));
      })
      .Case([&](NVVM::MBarrierArriveDropOp arrive) {
        return done(emitArrive(emit, arrive.getAddr(), arrive.getCount(), Value(),
                               WEFT_ARRIVE_DROP | (arrive.getRelaxed() ? WEFT_ARRIVE_RELAXED : 0)));
      })
      .Case([&](NVVM::MBarrierArriveNocompleteOp arrive) {
        return done(emitArrive(emit, arrive.getAddr(), arrive.getCount(), Value(), WEFT_ARRIVE_NO_COMPLETE));
      })
      .Case([&](NVVM::MBarrierArriveDropNocompleteOp arrive) {
        return done(emitArrive(emit, arrive.getAddr(), arrive.getCount(), Value(),
                               WEFT_ARRIVE_DROP | WEFT_ARRIVE_NO_COMPLETE));
      })
      .Case([&](NVVM::MBarrierArriveExpectTxOp arrive) {
        Value result;
        emitPredicated(op, arrive.getPredicate(), symbols, [&](Emit &inside) {
          result = emitArrive(inside, arrive.getAddr(), Value(), arrive.getTxcount(),
                              arrive.getRelaxed() ? WEFT_ARRIVE_RELAXED : 0);
        });
        return done(result);
      })
      .Case([&](NVVM::MBarrierArriveDropExpectTxOp arrive) {
        return done(emitArrive(emit, arrive.getAddr(), Value(), arrive.getTxcount(), WEFT_ARRIVE_DROP));
      })
      .Case([&](NVVM::MBarrierTryWaitParityOp wait) {
        emitWait(emit, wait.getAddr(), wait.getPhase(), /*blocks=*/true);
        return done();
      })
      .Case([&](NVVM::MBarrierTryWaitOp wait) {
        return done(emit.toI1(emitWait(emit, wait.getAddr(), wait.getStateOrPhase(), /*blocks=*/true)));
      })
      .Case([&](NVVM::MBarrierTestWaitOp test) {
        return done(emit.toI1(emitWait(emit, test.getAddr(), test.getStateOrPhase(), /*blocks=*/false)));
      })
      .Default([](Operation *) { return Lowered::Unknown; });
}

Lowered weft::emulator::lowerCopyOp(Operation *op, SymbolTable &symbols) {
  if (Lowered lowered = lowerMbarrier(op, symbols); lowered != Lowered::Unknown)
    return lowered;
  Emit emit(op, symbols);
  auto done = [&] {
    op->erase();
    return Lowered::Done;
  };
  return llvm::TypeSwitch<Operation *, Lowered>(op)
      .Case([&](NVVM::CpAsyncOp copy) { return lowerCpAsync(copy, emit); })
      .Case([&](NVVM::CpAsyncCommitGroupOp) {
        emit.call(WEFT_FUNCTION(copyAsyncCommit), Type(), {});
        return done();
      })
      .Case([&](NVVM::CpAsyncWaitGroupOp wait) {
        emit.call(WEFT_FUNCTION(copyAsyncWait), Type(), {emit.constant32(wait.getN())});
        return done();
      })
      .Case([&](NVVM::CpAsyncMBarrierArriveOp arrive) {
        emit.call(WEFT_FUNCTION(copyAsyncArrive), Type(),
                  {arrive.getAddr(), emit.constant32(arrive.getNoinc())});
        return done();
      })
      .Case(
          [&](NVVM::CpAsyncBulkTensorGlobalToSharedClusterOp load) { return lowerTensorLoad(load, symbols); })
      .Case(
          [&](NVVM::CpAsyncBulkTensorSharedCTAToGlobalOp store) { return lowerTensorStore(store, symbols); })
      .Case([&](NVVM::CpAsyncBulkTensorReduceOp reduce) { return lowerTensorReduce(reduce, emit); })
      .Case([&](NVVM::CpAsyncBulkGlobalToSharedClusterOp load) {
        emit.call(WEFT_FUNCTION(bulkLoad), Type(),
                  {load.getDstMem(), load.getSrcMem(), load.getMbar(), load.getSize(),
                   multicastMask(emit, load.getMulticastMask())});
        return done();
      })
      .Case([&](NVVM::CpAsyncBulkSharedCTAToSharedClusterOp load) {
        emit.call(WEFT_FUNCTION(bulkLoad), Type(),
                  {load.getDstMem(), load.getSrcMem(), load.getMbar(), load.getSize(), emit.constant32(0)});
        return done();
      })
      .Case([&](NVVM::CpAsyncBulkSharedCTAToGlobalOp store) { return lowerBulkStore(store, emit); })
      .Case([&](NVVM::CpAsyncBulkCommitGroupOp) {
        emit.call(WEFT_FUNCTION(bulkCommit), Type(), {});
        return done();
      })
      .Case([&](NVVM::CpAsyncBulkWaitGroupOp wait) {
        emit.call(WEFT_FUNCTION(bulkWait), Type(),
                  {emit.constant32(wait.getGroup()), emit.constant32(wait.getRead().value_or(false))});
        return done();
      })
      .Default([](Operation *) { return Lowered::Unknown; });
}
