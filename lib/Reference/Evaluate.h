// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the families share to attach their evaluations and to make results.
#ifndef WEFT_LIB_REFERENCE_EVALUATE_H
#define WEFT_LIB_REFERENCE_EVALUATE_H

#include "Elements.h"
#include "weft/Dialect/Weft/WeftDialect.h"

namespace weft::reference {

// One function per family that attaches its models.
void attachElementwiseOps(mlir::MLIRContext &context);
void attachConversions(mlir::MLIRContext &context);
void attachContractOps(mlir::MLIRContext &context);
void attachLinearAlgebra(mlir::MLIRContext &context);
void attachFourierTransform(mlir::MLIRContext &context);
void attachConvOps(mlir::MLIRContext &context);
void attachPoolOps(mlir::MLIRContext &context);
void attachReduceOps(mlir::MLIRContext &context);
void attachNormOps(mlir::MLIRContext &context);
void attachAttentionOps(mlir::MLIRContext &context);
void attachShapeOps(mlir::MLIRContext &context);
void attachIndexOps(mlir::MLIRContext &context);
void attachControlOps(mlir::MLIRContext &context);
void attachRandomOps(mlir::MLIRContext &context);
void attachQuantOps(mlir::MLIRContext &context);

/// The host's name of the element type of a result.
DType resultDType(mlir::Operation *op, unsigned result = 0);

/// A tensor of a result; a diagnostic at the op when there is no memory for it.
mlir::FailureOr<HostTensor> allocate(mlir::Operation *op, DType type, llvm::ArrayRef<int64_t> shape,
                                     bool zeroed = false);
/// x with other extents; a diagnostic when the numbers of elements differ.
mlir::FailureOr<HostTensor> withShape(mlir::Operation *op, const HostTensor &x,
                                      llvm::ArrayRef<int64_t> shape);

/// A tensor of widened values, narrowed to `type`.
template <class T>
mlir::FailureOr<HostTensor> narrowed(mlir::Operation *op, DType type, llvm::ArrayRef<int64_t> shape,
                                     const std::vector<T> &values) {
  auto result = allocate(op, type, shape);
  if (succeeded(result))
    storeElements(*result, 0, int64_t(values.size()), values.data());
  return result;
}

/// The numbers of a mixed list: the static ones, holes filled from rank-0 operands in order.
llvm::SmallVector<int64_t> mixedValues(llvm::ArrayRef<int64_t> statics, llvm::ArrayRef<HostTensor> values);

/// The operands that belong to one ODS operand of an op.
template <class OpTy>
llvm::ArrayRef<HostTensor> operandGroup(OpTy op, llvm::ArrayRef<HostTensor> operands, unsigned index) {
  auto [start, length] = op.getODSOperandIndexAndLength(index);
  return operands.slice(start, length);
}
/// The tensor of an optional ODS operand, or null.
template <class OpTy>
const HostTensor *optionalOperand(OpTy op, llvm::ArrayRef<HostTensor> operands, unsigned index) {
  llvm::ArrayRef<HostTensor> group = operandGroup(op, operands, index);
  return group.empty() ? nullptr : &group.front();
}

inline mlir::FailureOr<Tensors> asTensors(mlir::FailureOr<Tensors> results) { return results; }
inline mlir::FailureOr<Tensors> asTensors(mlir::FailureOr<HostTensor> result) {
  if (failed(result))
    return mlir::failure();
  return Tensors{std::move(*result)};
}

/// The interface of an op by a function of the op and its operands.
template <class OpTy, auto function>
struct Model : ir::ReferenceOpInterface::ExternalModel<Model<OpTy, function>, OpTy> {
  mlir::FailureOr<Tensors> evaluate(mlir::Operation *op, llvm::ArrayRef<HostTensor> operands) const {
    return asTensors(function(mlir::cast<OpTy>(op), operands));
  }
};

template <class OpTy, auto function> void attach(mlir::MLIRContext &context) {
  OpTy::template attachInterface<Model<OpTy, function>>(context);
}

} // namespace weft::reference

#endif // WEFT_LIB_REFERENCE_EVALUATE_H
