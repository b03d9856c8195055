// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a kernel that stands for a call (--weft-outline-calls makes them) to the specification of a generator.
#include "GenerateGpuKernel.h"

#include "KernelParts.h"
#include "weft/Codegen/GPU/GenerateFactor.h"
#include "weft/Codegen/GPU/GenerateNonZero.h"
#include "weft/Codegen/GPU/GenerateSort.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace weft;

namespace {

MergedDims eachOf(Type type) {
  MergedDims dims;
  for (int64_t d = 0, e = cast<RankedTensorType>(type).getRank(); d < e; ++d)
    dims.push_back({d});
  return dims;
}

/// The dimensions [0, first), then each of [first, last) by itself, then [last, rank).
MergedDims around(Type type, int64_t first, int64_t last, bool withRest) {
  MergedDims dims(1);
  for (int64_t d = 0; d < first; ++d)
    dims[0].push_back(d);
  for (int64_t d = first; d < last; ++d)
    dims.push_back({d});
  if (withRest)
    for (dims.emplace_back(); last < cast<RankedTensorType>(type).getRank(); ++last)
      dims.back().push_back(last);
  return dims;
}

class CallKernel {
public:
  CallKernel(host::KernelOp kernel, host::CallOp call)
      : kernel(kernel), call(call), values(call.getOperands()), name(kernel.getSymName().str()) {
    llvm::append_range(values, call.getResults());
  }

  FailureOr<GeneratedGpuKernel> generate() {
    auto kind = llvm::StringSwitch<FailureOr<gpu::GpuKernel> (CallKernel::*)()>(call.getFunction())
                    .Cases({"sort", "top_k", "sort_runs", "sort_merge", "sort_permute"}, &CallKernel::sort)
                    .Cases({"non_zero_count", "non_zero"}, &CallKernel::nonZero)
                    .Cases({"cholesky", "lu"}, &CallKernel::factor)
                    .Case("triangular_solve", &CallKernel::solve)
                    .Default(nullptr);
    if (!kind)
      return call.emitOpError("calls '") << call.getFunction() << "', which has no kernel for GPUs",
             failure();
    FailureOr<gpu::GpuKernel> made = (this->*kind)();
    if (failed(made))
      return failure();
    generated.kernel = std::move(*made);
    return std::move(generated);
  }

private:
  Location loc() { return call.getLoc(); }
  int64_t number(StringRef key) { return cast<IntegerAttr>(call.getConfig().get(key)).getInt(); }
  DType elementOf(unsigned value) { return ir::toDType(getElementTypeOrSelf(values[value].getType())); }
  /// Passes value `value` with its dimensions merged so; the extents that the kernel sees.
  SmallVector<int64_t> pass(unsigned value, const MergedDims &dims) {
    generated.arguments.push_back({value, dims});
    return llvm::map_to_vector(
        dims, [&](ArrayRef<int64_t> merged) { return mergedExtent(values[value].getType(), merged); });
  }

  FailureOr<gpu::GpuKernel> sort() {
    bool isMerge = call.getFunction() == "sort_merge", isRuns = call.getFunction() == "sort_runs";
    gpu::SortSpec spec;
    spec.name = name;
    spec.numKeys = number("num_keys");
    spec.descending = number("descending");
    int64_t axis = number("axis");
    // Operands of the sort, without positions and widths.
    unsigned numOperands = call.getNumOperands() - (isMerge                                ? 2
                                                    : call.getFunction() == "sort_permute" ? 1
                                                                                           : 0);
    for (auto [i, value] : llvm::enumerate(values)) {
      auto type = cast<RankedTensorType>(value.getType());
      SmallVector<int64_t> shape =
          pass(i, type.getRank() == 0 ? MergedDims() : around(type, axis, axis + 1, /*withRest=*/true));
      if (i < numOperands) {
        spec.operands.push_back(elementOf(i));
        llvm::copy(shape, spec.shape.begin());
      }
      if (i == call.getNumOperands())
        spec.kept = shape[1];
    }
    spec.positions = call.getFunction() != "sort_merge" && !isRuns && call.getNumResults() > numOperands;
    if (isRuns)
      return gpu::generateSortRuns(loc(), spec);
    if (isMerge)
      return gpu::generateMergeRuns(loc(), spec);
    return call.getFunction() == "sort_permute" ? gpu::generatePermute(loc(), spec)
                                                : gpu::generateSort(loc(), spec);
  }

  FailureOr<gpu::GpuKernel> nonZero() {
    gpu::NonZeroSpec spec;
    spec.name = name;
    spec.type = elementOf(0);
    spec.shape = pass(0, eachOf(values[0].getType()));
    spec.parts = pass(1, {{0}})[0];
    if (call.getFunction() == "non_zero_count")
      return gpu::generateCountNonZero(loc(), spec);
    // How many rows there are is not known yet.
    pass(2, {});
    pass(3, {});
    return gpu::generateWriteNonZero(loc(), spec);
  }

  /// Passes a value of matrices as [batch, rows, columns].
  std::array<int64_t, 3> passMatrices(unsigned value) {
    int64_t rank = cast<RankedTensorType>(values[value].getType()).getRank();
    SmallVector<int64_t> shape = pass(value, around(values[value].getType(), rank - 2, rank, false));
    return {shape[0], shape[1], shape[2]};
  }
  /// Passes a value of a vector for each matrix as [batch, length].
  void passVectors(unsigned value) {
    int64_t rank = cast<RankedTensorType>(values[value].getType()).getRank();
    pass(value, around(values[value].getType(), rank - 1, rank, false));
  }

  FailureOr<gpu::GpuKernel> factor() {
    gpu::FactorSpec spec;
    spec.name = name;
    spec.type = getElementTypeOrSelf(values[0].getType());
    spec.shape = passMatrices(0);
    passMatrices(1);
    bool isLu = call.getFunction() == "lu";
    if (isLu) {
      passVectors(2);
      passVectors(3);
    }
    passMatrices(values.size() - 1);
    return isLu ? gpu::generateLu(loc(), spec) : gpu::generateCholesky(loc(), spec, number("lower"));
  }

  FailureOr<gpu::GpuKernel> solve() {
    gpu::TriangularSpec spec;
    spec.name = name;
    spec.type = getElementTypeOrSelf(values[0].getType());
    spec.left = number("left");
    spec.lower = number("lower");
    spec.transpose = number("transpose");
    spec.unitDiagonal = number("unit_diagonal");
    spec.matrix = passMatrices(0);
    spec.shape = passMatrices(1);
    passMatrices(2);
    passMatrices(3);
    return gpu::generateTriangularSolve(loc(), spec);
  }

  host::KernelOp kernel;
  host::CallOp call;
  SmallVector<Value> values;
  std::string name;
  GeneratedGpuKernel generated;
};

} // namespace

FailureOr<GeneratedGpuKernel> weft::generateGpuCall(host::KernelOp kernel, host::CallOp call) {
  return CallKernel(kernel, call).generate();
}
