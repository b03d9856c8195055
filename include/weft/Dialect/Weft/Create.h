// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Creation of ops from input that may be wrong. The builders that TableGen writes for inferred ops end the
// process when inference refuses; these tell, and return failure.
#ifndef WEFT_DIALECT_WEFT_CREATE_H
#define WEFT_DIALECT_WEFT_CREATE_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/OpDefinition.h"

namespace weft::ir {

/// Creates an inferred op (`Weft_InferredOp`) with the result types its inference gives. Fails where
/// inference refuses, with its diagnostic at `tell` when there is one. `args` as of the op's builder without
/// result types.
template <typename Op, typename... Args>
mlir::FailureOr<Op> createIfValid(mlir::OpBuilder &builder, mlir::Location loc,
                                  std::optional<mlir::Location> tell, Args &&...args) {
  namespace OpTrait = mlir::OpTrait;
  constexpr unsigned numResults = Op::template hasTrait<OpTrait::OneResult>()                    ? 1
                                  : Op::template hasTrait<OpTrait::template NResults<2>::Impl>() ? 2
                                  : Op::template hasTrait<OpTrait::template NResults<3>::Impl>() ? 3
                                                                                                 : 0;
  mlir::MLIRContext *context = builder.getContext();
  mlir::OperationState state(loc, Op::getOperationName());
  llvm::SmallVector<mlir::Type> types(numResults, mlir::NoneType::get(context));
  Op::build(builder, state, mlir::TypeRange(types), std::forward<Args>(args)...);
  types.clear();
  if (failed(Op::inferReturnTypes(context, tell, state.operands, state.attributes.getDictionary(context),
                                  state.getRawProperties(), state.regions, types)))
    return mlir::failure();
  state.types.assign(types.begin(), types.end());
  return llvm::cast<Op>(builder.create(state));
}

/// As above, telling at the op's own location.
template <typename Op, typename... Args>
mlir::FailureOr<Op> tryCreate(mlir::OpBuilder &builder, mlir::Location loc, Args &&...args) {
  return createIfValid<Op>(builder, loc, loc, std::forward<Args>(args)...);
}

} // namespace weft::ir

#endif // WEFT_DIALECT_WEFT_CREATE_H
