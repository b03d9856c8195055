// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Special registers, barriers, exchanges between the lanes of a warp, and fences of the nvvm dialect, as
// reads of the emulator's state and calls of its table.
#include "Lower.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace weft::emulator;

void weft::emulator::replaceOp(Operation *op, Value value) {
  if (op->getNumResults())
    op->getResult(0).replaceAllUsesWith(value);
  op->erase();
}

void weft::emulator::emitPredicated(Operation *op, Value predicate, SymbolTable &symbols,
                                    llvm::function_ref<void(Emit &)> body) {
  if (predicate) {
    Block *head = op->getBlock();
    Block *inside = head->splitBlock(op);
    Block *tail = inside->splitBlock(std::next(Block::iterator(op)));
    OpBuilder b = OpBuilder::atBlockEnd(head);
    LLVM::CondBrOp::create(b, op->getLoc(), predicate, inside, tail);
    b.setInsertionPointToEnd(inside);
    LLVM::BrOp::create(b, op->getLoc(), ValueRange(), tail);
  }
  Emit emit(op, symbols);
  body(emit);
}

/// The index of a special register by the tail of the op's name; nothing when it is not emulated.
static std::optional<int> registerIndex(StringRef name) {
  int axis = 0;
  StringRef base = name;
  for (auto [suffix, index] : {std::pair(".x", 0), std::pair(".y", 1), std::pair(".z", 2)})
    if (base.consume_back(suffix))
      axis = index;
  int index = llvm::StringSwitch<int>(base)
                  .Case("tid", WEFT_SREG_TID)
                  .Case("ntid", WEFT_SREG_NTID)
                  .Case("ctaid", WEFT_SREG_CTAID)
                  .Case("nctaid", WEFT_SREG_NCTAID)
                  .Case("clusterid", WEFT_SREG_CLUSTERID)
                  .Case("nclusterid", WEFT_SREG_NCLUSTERID)
                  .Case("cluster.ctaid", WEFT_SREG_CLUSTER_CTAID)
                  .Case("cluster.nctaid", WEFT_SREG_CLUSTER_NCTAID)
                  .Case("cluster.ctarank", WEFT_SREG_CLUSTER_CTARANK)
                  .Case("cluster.nctarank", WEFT_SREG_CLUSTER_NCTARANK)
                  .Case("laneid", WEFT_SREG_LANEID)
                  .Case("warpid", WEFT_SREG_WARPID)
                  .Case("nwarpid", WEFT_SREG_NWARPID)
                  .Case("dynamic.smem.size", WEFT_SREG_DYNAMIC_SMEM_SIZE)
                  .Case("total.smem.size", WEFT_SREG_TOTAL_SMEM_SIZE)
                  .Default(-1);
  if (index < 0)
    return std::nullopt;
  return index + axis;
}

static Lowered lowerRegister(Operation *op, StringRef name, SymbolTable &symbols) {
  Emit emit(op, symbols);
  auto readLane = [&] {
    return emit.field(emit.i32(), offsetof(WeftEmulator, registers) + 4 * WEFT_SREG_LANEID);
  };
  if (name == "warpsize") {
    replaceOp(op, emit.constant32(32));
    return Lowered::Done;
  }
  if (name.consume_front("lanemask.")) {
    Value bit = LLVM::ShlOp::create(emit.b, emit.loc, emit.constant32(1), readLane());
    Value below = LLVM::SubOp::create(emit.b, emit.loc, bit, emit.constant32(1));
    Value upTo = LLVM::OrOp::create(emit.b, emit.loc, bit, below);
    auto invert = [&](Value mask) -> Value {
      return LLVM::XOrOp::create(emit.b, emit.loc, mask, emit.constant32(-1));
    };
    replaceOp(op, name == "eq"   ? bit
                  : name == "lt" ? below
                  : name == "le" ? upTo
                  : name == "gt" ? invert(upTo)
                                 : invert(below));
    return Lowered::Done;
  }
  std::optional<int> index = registerIndex(name);
  if (!index)
    return Lowered::Unknown;
  replaceOp(op, emit.field(emit.i32(), offsetof(WeftEmulator, registers) + 4 * *index));
  return Lowered::Done;
}

static uint32_t reduceKind(NVVM::ReduxKind kind) {
  switch (kind) {
  case NVVM::ReduxKind::ADD:
    return WEFT_REDUCE_ADD;
  case NVVM::ReduxKind::AND:
    return WEFT_REDUCE_AND;
  case NVVM::ReduxKind::OR:
    return WEFT_REDUCE_OR;
  case NVVM::ReduxKind::XOR:
    return WEFT_REDUCE_XOR;
  case NVVM::ReduxKind::MIN:
    return WEFT_REDUCE_SMIN;
  case NVVM::ReduxKind::MAX:
    return WEFT_REDUCE_SMAX;
  case NVVM::ReduxKind::UMIN:
    return WEFT_REDUCE_UMIN;
  case NVVM::ReduxKind::UMAX:
    return WEFT_REDUCE_UMAX;
  case NVVM::ReduxKind::FMIN:
    return WEFT_REDUCE_FMIN;
  case NVVM::ReduxKind::FMAX:
    return WEFT_REDUCE_FMAX;
  }
  llvm_unreachable("a kind that the enumeration lacks");
}

/// The low 32 bits as `type` (i32 or f32).
static Value lowAs(Emit &emit, Value wide, Type type) {
  Value low = LLVM::TruncOp::create(emit.b, emit.loc, emit.i32(), wide);
  return type == emit.i32() ? low : LLVM::BitcastOp::create(emit.b, emit.loc, type, low).getResult();
}

/// Bit 32 as i1.
static Value flagOf(Emit &emit, Value wide) {
  Value high = LLVM::LShrOp::create(emit.b, emit.loc, wide, emit.constant64(32));
  return LLVM::TruncOp::create(emit.b, emit.loc, emit.i1(), high);
}

static Value makePair(Emit &emit, Type type, Value first, Value second) {
  Value pair = LLVM::PoisonOp::create(emit.b, emit.loc, type);
  pair = LLVM::InsertValueOp::create(emit.b, emit.loc, pair, first, ArrayRef<int64_t>{0});
  return LLVM::InsertValueOp::create(emit.b, emit.loc, pair, second, ArrayRef<int64_t>{1});
}

static Value lowerShuffle(NVVM::ShflOp op, Emit &emit) {
  Value wide = emit.call(WEFT_FUNCTION(shuffle), emit.i64(),
                         {op.getThreadMask(), emit.constant32(static_cast<int>(op.getKind())),
                          emit.toI32(op.getVal()), op.getOffset(), op.getMaskAndClamp()});
  Value value = lowAs(emit, wide, op.getVal().getType());
  return isa<LLVM::LLVMStructType>(op.getType()) ? makePair(emit, op.getType(), value, flagOf(emit, wide))
                                                 : value;
}

static Value lowerVote(NVVM::VoteSyncOp op, Emit &emit) {
  Value result =
      emit.call(WEFT_FUNCTION(vote), emit.i32(),
                {op.getMask(), emit.constant32(static_cast<int>(op.getKind())), emit.toI32(op.getPred())});
  return op.getType() == emit.i32() ? result : emit.toI1(result);
}

static Value lowerMatch(NVVM::MatchSyncOp op, Emit &emit) {
  Value value = op.getVal();
  if (value.getType() == emit.i32())
    value = LLVM::ZExtOp::create(emit.b, emit.loc, emit.i64(), value);
  Value wide = emit.call(WEFT_FUNCTION(match), emit.i64(),
                         {op.getThreadMask(), emit.constant32(static_cast<int>(op.getKind())), value});
  Value lanes = lowAs(emit, wide, emit.i32());
  return isa<LLVM::LLVMStructType>(op.getType()) ? makePair(emit, op.getType(), lanes, flagOf(emit, wide))
                                                 : lanes;
}

static Value lowerRedux(NVVM::ReduxOp op, Emit &emit) {
  uint32_t flags = (op.getAbs() ? WEFT_REDUCE_ABS : 0) | (op.getNan() ? WEFT_REDUCE_NAN : 0);
  Value result = emit.call(WEFT_FUNCTION(reduce), emit.i32(),
                           {op.getMaskAndClamp(), emit.constant32(reduceKind(op.getKind())),
                            emit.constant32(flags), emit.toI32(op.getVal())});
  return op.getType() == emit.i32()
             ? result
             : LLVM::BitcastOp::create(emit.b, emit.loc, op.getType(), result).getResult();
}

static Value lowerBarrier(NVVM::BarrierOp op, Emit &emit) {
  Value id = emit.orConstant(op.getBarrierId(), 0), count = emit.orConstant(op.getNumberOfThreads(), 0);
  if (!op.getReductionOp()) {
    emit.call(WEFT_FUNCTION(barrier), Type(), {id, count});
    return Value();
  }
  uint32_t kind = *op.getReductionOp() == NVVM::BarrierReduction::POPC  ? WEFT_REDUCE_POPC
                  : *op.getReductionOp() == NVVM::BarrierReduction::AND ? WEFT_REDUCE_AND
                                                                        : WEFT_REDUCE_OR;
  return emit.call(WEFT_FUNCTION(barrierReduce), emit.i32(),
                   {id, count, emit.constant32(kind), op.getReductionPredicate()});
}

/// Ends the thread: the rest of the block is never reached.
static Lowered lowerExit(Operation *op) {
  auto function = op->getParentOfType<LLVM::LLVMFuncOp>();
  if (!function->hasAttr("nvvm.kernel")) {
    op->emitError("'nvvm.exit' outside the kernel itself has no emulation");
    return Lowered::Failed;
  }
  Block *rest = op->getBlock()->splitBlock(op);
  OpBuilder b = OpBuilder::atBlockEnd(rest->getPrevNode());
  LLVM::ReturnOp::create(b, op->getLoc(), ValueRange());
  op->erase();
  return Lowered::Done;
}

Lowered weft::emulator::lowerThreadOp(Operation *op, SymbolTable &symbols) {
  StringRef name = op->getName().stripDialect();
  if (name.consume_front("read.ptx.sreg."))
    return lowerRegister(op, name, symbols);
  if (isa<NVVM::Exit>(op))
    return lowerExit(op);
  Emit emit(op, symbols);
  auto fence = [&](uint32_t kind) {
    emit.call(WEFT_FUNCTION(fence), Type(), {emit.constant32(kind)});
    return Value();
  };
  bool known = true;
  Value value =
      llvm::TypeSwitch<Operation *, Value>(op)
          .Case([&](NVVM::Barrier0Op) {
            emit.call(WEFT_FUNCTION(barrier), Type(), {emit.constant32(0), emit.constant32(0)});
            return Value();
          })
          .Case([&](NVVM::BarrierOp barrier) { return lowerBarrier(barrier, emit); })
          .Case([&](NVVM::BarrierArriveOp arrive) {
            emit.call(WEFT_FUNCTION(barrierArrive), Type(),
                      {emit.orConstant(arrive.getBarrierId(), 0), arrive.getNumberOfThreads()});
            return Value();
          })
          .Case([&](NVVM::ClusterArriveOp) {
            emit.call(WEFT_FUNCTION(clusterArrive), Type(), {emit.constant32(0)});
            return Value();
          })
          .Case([&](NVVM::ClusterArriveRelaxedOp) {
            emit.call(WEFT_FUNCTION(clusterArrive), Type(), {emit.constant32(1)});
            return Value();
          })
          .Case([&](NVVM::ClusterWaitOp) {
            emit.call(WEFT_FUNCTION(clusterWait), Type(), {});
            return Value();
          })
          .Case([&](NVVM::SyncWarpOp sync) {
            emit.call(WEFT_FUNCTION(warpBarrier), Type(), {sync.getMask()});
            return Value();
          })
          .Case([&](NVVM::ShflOp shuffle) { return lowerShuffle(shuffle, emit); })
          .Case([&](NVVM::VoteSyncOp vote) { return lowerVote(vote, emit); })
          .Case([&](NVVM::MatchSyncOp match) { return lowerMatch(match, emit); })
          .Case([&](NVVM::ReduxOp redux) { return lowerRedux(redux, emit); })
          .Case([&](NVVM::ElectSyncOp elect) {
            return emit.toI1(
                emit.call(WEFT_FUNCTION(elect), emit.i32(), {emit.orConstant(elect.getMembermask(), -1)}));
          })
          .Case([&](NVVM::MapaOp mapa) {
            return emit.call(WEFT_FUNCTION(mapShared), mapa.getType(), {mapa.getA(), mapa.getB()});
          })
          .Case<NVVM::MembarOp, NVVM::FenceScClusterOp, NVVM::FenceSyncRestrictOp>(
              [&](Operation *) { return fence(WEFT_FENCE_MEMORY); })
          .Case([&](NVVM::FenceMbarrierInitOp) { return fence(WEFT_FENCE_MBARRIER_INIT); })
          .Case([&](NVVM::FenceProxyOp proxy) {
            // Tensor maps are the emulator's own and aliases are one memory: nothing to order.
            bool orders =
                proxy.getKind() != NVVM::ProxyKind::TENSORMAP && proxy.getKind() != NVVM::ProxyKind::alias;
            return orders ? fence(WEFT_FENCE_PROXY_ASYNC) : Value();
          })
          .Case([&](NVVM::FenceProxySyncRestrictOp) { return fence(WEFT_FENCE_PROXY_ASYNC); })
          .Case<NVVM::FenceProxyAcquireOp, NVVM::FenceProxyReleaseOp>(
              [&](Operation *) { return fence(WEFT_FENCE_MEMORY); })
          .Case([&](NVVM::SetMaxRegisterOp set) {
            emit.call(WEFT_FUNCTION(setMaxRegisters), Type(),
                      {emit.constant32(set.getRegCount()),
                       emit.constant32(set.getAction() == NVVM::SetMaxRegisterAction::increase)});
            return Value();
          })
          .Case([&](NVVM::GriddepcontrolOp control) {
            bool launches = control.getKind() == NVVM::GridDepActionKind::launch_dependents;
            emit.call(WEFT_FUNCTION(gridDependency), Type(), {emit.constant32(launches)});
            return Value();
          })
          // Hints: nothing that a result depends on.
          .Case<NVVM::NanosleepOp, NVVM::PrefetchOp, NVVM::CpAsyncBulkPrefetchOp,
                NVVM::CpAsyncBulkTensorPrefetchOp, NVVM::PMEventOp>([&](Operation *) { return Value(); })
          .Default([&](Operation *) {
            known = false;
            return Value();
          });
  if (!known)
    return Lowered::Unknown;
  replaceOp(op, value);
  return Lowered::Done;
}
