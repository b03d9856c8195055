// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Between the IR's constants and host tensors: element types, attributes, and the store of large elements.
#ifndef WEFT_DIALECT_WEFT_CONSTANTS_H
#define WEFT_DIALECT_WEFT_CONSTANTS_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributeInterfaces.h"
#include "mlir/IR/BuiltinTypes.h"
#include "weft/Support/HostTensor.h"
#include "llvm/ADT/StringMap.h"
#include <mutex>

namespace weft::ir {

/// Where the elements of #weft.data constants live: host tensors (owned, or views of mapped files) by the
/// hash of type and bytes. One per compiler instance; thread-safe.
class DataStore {
public:
  /// Stores the tensor (sharing its memory) and returns its hash as 64 hex digits.
  std::string add(const HostTensor &tensor);
  /// The tensor stored under `hash`, or null. Stays valid while the store lives.
  const HostTensor *find(llvm::StringRef hash) const;

private:
  mutable std::mutex mutex;
  llvm::StringMap<HostTensor> tensors;
};

/// The element type in the IR and on the host. `toDType` gives DType::Invalid for a type Weft does not have.
DType toDType(mlir::Type elementType);
mlir::Type toElementType(DType type, mlir::MLIRContext *context);

/// The attribute of a constant: a splat when all elements are equal, dense elements up to 1 KiB, else
/// #weft.data in the dialect's store. (Storage types narrower than a byte become #weft.data unless splat.)
mlir::TypedAttr makeConstantAttr(const HostTensor &tensor, mlir::MLIRContext *context);
/// The elements of a constant's attribute; fails (without a diagnostic) when the store does not have them.
mlir::FailureOr<HostTensor> toHostTensor(mlir::TypedAttr value);
/// The elements of a value defined by weft.constant, else nothing. Large constants are not copied.
std::optional<HostTensor> getConstantTensor(mlir::Value value);
/// The integer of a rank-0 (or one-element) integer constant.
std::optional<int64_t> getConstantInt(mlir::Value value);
/// Whether the attribute is a splat, and its element as a rank-0 tensor.
std::optional<HostTensor> getSplat(mlir::TypedAttr value);

/// Builders of weft.constant.
mlir::Value createConstant(mlir::OpBuilder &builder, mlir::Location loc, const HostTensor &tensor);
/// Every element `value` (rounded to the element type); dims must be static.
mlir::Value createSplat(mlir::OpBuilder &builder, mlir::Location loc, mlir::RankedTensorType type,
                        double value);
/// Rank-0 i64.
mlir::Value createShapeValue(mlir::OpBuilder &builder, mlir::Location loc, int64_t value);
/// A tensor of `rank` unit extents holding `value`: broadcasts against any tensor of that rank.
mlir::Value createUnitSplat(mlir::OpBuilder &builder, mlir::Location loc, mlir::Type elementType,
                            int64_t rank, double value);
/// Splat whose element is the identity of a reduction: min: "highest" (+inf), max: "lowest" (-inf).
mlir::TypedAttr makeExtremeAttr(mlir::RankedTensorType type, bool highest);
/// The extents of `x` as a mixed list: static numbers (kDynamic holes), and weft.dim values for the holes.
void getMixedSizes(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value x,
                   llvm::SmallVectorImpl<int64_t> &statics, llvm::SmallVectorImpl<mlir::Value> &values);

} // namespace weft::ir

#endif // WEFT_DIALECT_WEFT_CONSTANTS_H
