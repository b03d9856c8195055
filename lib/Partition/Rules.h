// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the families' files share: building sharding rules, and attaching them to ops.
#ifndef WEFT_LIB_PARTITION_RULES_H
#define WEFT_LIB_PARTITION_RULES_H

#include "weft/Dialect/Dist/DistDialect.h"
#include "weft/Dialect/Weft/WeftDialect.h"

namespace weft::dist {

using Values = llvm::SmallVector<mlir::Value>;
using RuleFn = ShardingRule (*)(mlir::Operation *);
using LocalizeFn = mlir::FailureOr<Values> (*)(mlir::Operation *, mlir::OpBuilder &, mlir::ValueRange,
                                               const Placement &);

/// Builds the rule of one op, dimension by dimension. Extents that are not numbers, and extents of 1, belong
/// to no factor.
class RuleBuilder {
public:
  explicit RuleBuilder(mlir::Operation *op);

  /// A new factor. A reduction whose elements cannot be combined between workers becomes whole.
  int factor(int64_t size, Factor::Kind kind = Factor::Kind::Parallel, Combine combine = Combine::sum);
  /// A new factor of which only these positions are read.
  int window(int64_t size, int64_t first, int64_t last);
  /// The dimension consists of these factors, the major one first.
  void operand(unsigned i, int64_t dim, llvm::ArrayRef<int> factors) { set(rule.operands[i][dim], factors); }
  void result(unsigned i, int64_t dim, llvm::ArrayRef<int> factors) { set(rule.results[i][dim], factors); }
  /// The same dimension of operands and results, where it has the factor's extent.
  void everywhere(int64_t dim, int f);

  int64_t operandExtent(unsigned i, int64_t dim) const { return extent(op->getOperand(i), dim); }
  int64_t resultExtent(unsigned i, int64_t dim) const { return extent(op->getResult(i), dim); }
  /// The extent, or 0 when it is not a number.
  static int64_t extent(mlir::Value value, int64_t dim);

  ShardingRule take() { return std::move(rule); }

private:
  void set(llvm::SmallVectorImpl<int> &dim, llvm::ArrayRef<int> factors);

  mlir::Operation *op;
  ShardingRule rule;
};

/// Operands and results have the same shape but for dimensions of extent 1, and `whole` of its dimensions
/// cannot be split.
ShardingRule sameDims(mlir::Operation *op, llvm::ArrayRef<int64_t> whole = {});
inline ShardingRule elementwiseRule(mlir::Operation *op) { return sameDims(op); }

/// The local form of an op that holds no extents of its own: the same op on the parts.
mlir::FailureOr<Values> cloneLocal(mlir::Operation *op, mlir::OpBuilder &builder, mlir::ValueRange operands,
                                   const Placement &placement);
/// This worker's place among the parts of a dimension split over `axes`: a rank-0 i64.
mlir::Value partNumber(mlir::OpBuilder &builder, mlir::Location loc, llvm::ArrayRef<int> axes, MeshAttr mesh);

template <typename Op, RuleFn rule, LocalizeFn local>
struct ShardingModel : ShardingOpInterface::ExternalModel<ShardingModel<Op, rule, local>, Op> {
  ShardingRule getShardingRule(mlir::Operation *op) const { return rule(op); }
  mlir::FailureOr<Values> localize(mlir::Operation *op, mlir::OpBuilder &builder, mlir::ValueRange operands,
                                   const Placement &placement) const {
    return local(op, builder, operands, placement);
  }
};

template <typename Op, RuleFn rule, LocalizeFn local = cloneLocal> void attach(mlir::MLIRContext &context) {
  Op::template attachInterface<ShardingModel<Op, rule, local>>(context);
}

// One per family.
void attachElementwiseRules(mlir::MLIRContext &context);
void attachContractRules(mlir::MLIRContext &context);
void attachConvRules(mlir::MLIRContext &context);
void attachPoolRules(mlir::MLIRContext &context);
void attachReduceRules(mlir::MLIRContext &context);
void attachNormRules(mlir::MLIRContext &context);
void attachAttentionRules(mlir::MLIRContext &context);
void attachShapeRules(mlir::MLIRContext &context);
void attachControlRules(mlir::MLIRContext &context);
void attachIndexRules(mlir::MLIRContext &context);
void attachRandomRules(mlir::MLIRContext &context);
void attachStateRules(mlir::MLIRContext &context);
void attachQuantRules(mlir::MLIRContext &context);

} // namespace weft::dist

#endif // WEFT_LIB_PARTITION_RULES_H
