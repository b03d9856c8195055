// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Packs the right operand of large matrix products in a launch of its own. Constants are packed when the
// program is compiled; what comes at run time was packed by each block of rows anew, and each time from rows
// that lie far apart. Stage: host, for CPUs, after outlining and before equal kernels become one. Before and
// after: Passes.td.
#include "weft/Codegen/Passes.h"

#include "Launches.h"

using namespace mlir;
using namespace weft::ir;

namespace weft {
#define GEN_PASS_DEF_PACKOPERANDSPASS
#include "weft/Codegen/Passes.h.inc"

namespace {

/// Rows from which on a product has several blocks of them, and columns that are worth a launch.
constexpr int64_t leastRows = 256, leastColumns = 256, leastDepth = 64;

struct PackOperands : impl::PackOperandsPassBase<PackOperands> {
  using PackOperandsPassBase::PackOperandsPassBase;

  void runOnOperation() override {
    if (width == 0)
      return;
    SymbolTable symbols(getOperation());
    forEachOwnKernel(getOperation(), symbols, [&](host::LaunchOp launch, host::KernelOp kernel) {
      auto dots = kernel.getBody().front().getOps<DotGeneralOp>();
      if (!dots.empty() && llvm::hasSingleElement(dots))
        pack(launch, kernel, *dots.begin(), symbols);
    });
  }

  /// B of a product of matrices, as an argument that only the product reads and that the launch does not get
  /// from a constant; null if it is not worth packing.
  BlockArgument findOperand(host::LaunchOp launch, DotGeneralOp dot) {
    auto b = dyn_cast<BlockArgument>(dot.getRhs());
    auto type = cast<RankedTensorType>(dot.getRhs().getType());
    if (!b || !b.hasOneUse() || type.getRank() != 2 || !type.hasStaticShape() ||
        !type.getElementType().isF32() || dot.getRhsContract().size() != 1 ||
        launch.getOperand(b.getArgNumber()).getDefiningOp<ConstantOp>())
      return {};
    auto result = cast<RankedTensorType>(dot.getType());
    int64_t contract = dot.getRhsContract().front();
    int64_t k = type.getDimSize(contract), n = type.getDimSize(1 - contract);
    if (!result.hasStaticShape() || n % width != 0 || n < leastColumns || k < leastDepth ||
        result.getNumElements() / n < leastRows)
      return {};
    return b;
  }

  void pack(host::LaunchOp launch, host::KernelOp kernel, DotGeneralOp dot, SymbolTable &symbols) {
    BlockArgument b = findOperand(launch, dot);
    if (!b)
      return;
    Location loc = dot.getLoc();
    auto type = cast<RankedTensorType>(b.getType());
    bool transposed = dot.getRhsContract().front() == 1; // [N, K]
    int64_t k = type.getDimSize(transposed ? 1 : 0), n = type.getDimSize(transposed ? 0 : 1);
    // [K, N] as [K, panels, width], or [N, K] as [panels, width, K]; packed [panels, K, width].
    SmallVector<int64_t> split = {k, n / width, width}, order = {1, 0, 2};
    if (transposed)
      split = {n / width, width, k}, order = {0, 2, 1};
    auto packedType = RankedTensorType::get({n / width, k, width}, type.getElementType());

    OpBuilder builder(&getContext());
    auto splitType = RankedTensorType::get(split, type.getElementType());
    auto packer = host::KernelOp::create(builder, loc, "pack",
                                         FunctionType::get(&getContext(), {splitType}, {packedType}));
    symbols.insert(packer);
    Block *body = builder.createBlock(&packer.getBody(), {}, {splitType}, {loc});
    Value moved = TransposeOp::create(builder, loc, body->getArgument(0), order);
    host::ReturnOp::create(builder, loc, moved);

    builder.setInsertionPoint(launch);
    unsigned number = b.getArgNumber();
    Value parts = ReshapeOp::create(builder, loc, launch.getOperand(number), ValueRange(), split);
    auto packed =
        host::LaunchOp::create(builder, loc, TypeRange(packedType), packer.getSymName(), ValueRange(parts));
    launch.setOperand(number, packed.getResult(0));

    // The kernel takes the panels, and says what matrix they are. Both permutations are their own inverses.
    builder.setInsertionPointToStart(b.getOwner());
    b.setType(packedType);
    Value unpacked = TransposeOp::create(builder, loc, b, order);
    unpacked = ReshapeOp::create(builder, loc, unpacked, ValueRange(), type.getShape());
    dot.getRhsMutable().assign(unpacked);
    kernel.setFunctionType(FunctionType::get(&getContext(), kernel.getBody().front().getArgumentTypes(),
                                             kernel.getResultTypes()));
  }
};

} // namespace
} // namespace weft
