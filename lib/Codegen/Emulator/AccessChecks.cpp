// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Puts a question to the emulator in front of every load, store and atomic of the checked body of a kernel.
// The answer is the address to use: after an error it is one that harms nothing, so the kernel goes on and
// more than one error can be told. Size and alignment are those of the op: a vector access whose alignment is
// less than its size is several accesses on a GPU, which the access lint counts.
#include "Lower.h"

#include "mlir/Interfaces/DataLayoutInterfaces.h"

using namespace mlir;
using namespace weft::emulator;

/// Memory that no other thread can see, or that never changes: the stack, parameters, constants.
static bool isPrivate(Value address) {
  while (Operation *op = address.getDefiningOp()) {
    if (isa<LLVM::AllocaOp, LLVM::AddressOfOp>(op))
      return true;
    if (!isa<LLVM::GEPOp, LLVM::BitcastOp, LLVM::AddrSpaceCastOp>(op))
      return false;
    address = op->getOperand(0);
  }
  auto argument = cast<BlockArgument>(address);
  auto function = dyn_cast<LLVM::LLVMFuncOp>(argument.getOwner()->getParentOp());
  return function && argument.getOwner()->isEntryBlock() &&
         (argument.getArgNumber() == 0 || function.getArgAttr(argument.getArgNumber(), "llvm.byval"));
}

static uint32_t orderKind(LLVM::AtomicOrdering order) {
  switch (order) {
  case LLVM::AtomicOrdering::not_atomic:
    return 0;
  case LLVM::AtomicOrdering::unordered:
  case LLVM::AtomicOrdering::monotonic:
    return WEFT_ACCESS_ATOMIC;
  case LLVM::AtomicOrdering::acquire:
    return WEFT_ACCESS_ATOMIC | WEFT_ACCESS_ACQUIRE;
  case LLVM::AtomicOrdering::release:
    return WEFT_ACCESS_ATOMIC | WEFT_ACCESS_RELEASE;
  case LLVM::AtomicOrdering::acq_rel:
  case LLVM::AtomicOrdering::seq_cst:
    return WEFT_ACCESS_ATOMIC | WEFT_ACCESS_ACQUIRE | WEFT_ACCESS_RELEASE;
  }
  llvm_unreachable("an ordering that the enumeration lacks");
}

/// What a GPU wants an access of this type aligned to: its size where that is a power of two, 16 at most.
static uint64_t naturalAlignment(uint64_t size) { return std::min<uint64_t>(llvm::bit_floor(size), 16); }

static void check(Operation *op, OpOperand &address, Type type, uint64_t alignment, uint32_t kind,
                  SymbolTable &symbols) {
  if (isPrivate(address.get()))
    return;
  Emit emit(op, symbols);
  uint64_t size = storeSize(type, op);
  if (!alignment)
    alignment = naturalAlignment(size);
  address.set(emit.call(WEFT_FUNCTION(access), address.get().getType(),
                        {address.get(), emit.constant32(static_cast<int64_t>(size)),
                         emit.constant32(static_cast<int64_t>(alignment)), emit.constant32(kind)}));
}

void weft::emulator::checkAccesses(LLVM::LLVMFuncOp function, SymbolTable &symbols) {
  SmallVector<Operation *> ops;
  function.walk([&](Operation *op) { ops.push_back(op); });
  for (Operation *op : ops) {
    if (auto load = dyn_cast<LLVM::LoadOp>(op)) {
      if (!load.getInvariant())
        check(op, load.getAddrMutable(), load.getType(), load.getAlignment().value_or(0),
              WEFT_ACCESS_READ | orderKind(load.getOrdering()), symbols);
    } else if (auto store = dyn_cast<LLVM::StoreOp>(op)) {
      check(op, store.getAddrMutable(), store.getValue().getType(), store.getAlignment().value_or(0),
            WEFT_ACCESS_WRITE | orderKind(store.getOrdering()), symbols);
    } else if (auto atomic = dyn_cast<LLVM::AtomicRMWOp>(op)) {
      check(op, atomic.getPtrMutable(), atomic.getType(), atomic.getAlignment().value_or(0),
            WEFT_ACCESS_READ | WEFT_ACCESS_WRITE | orderKind(atomic.getOrdering()), symbols);
    } else if (auto exchange = dyn_cast<LLVM::AtomicCmpXchgOp>(op)) {
      check(op, exchange.getPtrMutable(), exchange.getVal().getType(), exchange.getAlignment().value_or(0),
            WEFT_ACCESS_READ | WEFT_ACCESS_WRITE | orderKind(exchange.getSuccessOrdering()), symbols);
    }
  }
}
