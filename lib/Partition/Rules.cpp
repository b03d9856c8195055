// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Registers the sharding rules of all families, and holds what they share.
#include "Rules.h"

#include "mlir/IR/IRMapping.h"
#include "weft/Dialect/Weft/ElementwiseOps.h"
#include "weft/Dialect/Weft/WeftOps.h"
#include "weft/Partition/Partition.h"

using namespace mlir;
using namespace weft;
using namespace weft::dist;

void dist::registerShardingRules(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, ir::WeftDialect *, DistDialect *) {
    attachElementwiseRules(*context);
    attachContractRules(*context);
    attachConvRules(*context);
    attachPoolRules(*context);
    attachReduceRules(*context);
    attachNormRules(*context);
    attachAttentionRules(*context);
    attachShapeRules(*context);
    attachControlRules(*context);
    attachIndexRules(*context);
    attachRandomRules(*context);
    attachStateRules(*context);
    attachQuantRules(*context);
    attach<ShardOp, elementwiseRule>(*context);
  });
}

RuleBuilder::RuleBuilder(Operation *op) : op(op) {
  auto room = [](Value value) {
    return ShardingRule::TensorFactors(cast<RankedTensorType>(value.getType()).getRank());
  };
  rule.operands = llvm::map_to_vector(op->getOperands(), room);
  rule.results = llvm::map_to_vector(op->getResults(), room);
}

/// Whether workers can combine elements of this type.
static bool canCombine(Type element) {
  return isa<Float32Type, Float64Type, Float16Type, BFloat16Type>(element) || element.isInteger(32) ||
         element.isInteger(64);
}

int RuleBuilder::factor(int64_t size, Factor::Kind kind, Combine combine) {
  if (kind == Factor::Kind::Reduction &&
      llvm::any_of(op->getResultTypes(), [](Type type) { return !canCombine(getElementTypeOrSelf(type)); }))
    kind = Factor::Kind::Whole;
  return rule.add(size, kind, combine);
}

int RuleBuilder::window(int64_t size, int64_t first, int64_t last) {
  int f = rule.add(size, Factor::Kind::Window);
  rule.factors[f].first = first;
  rule.factors[f].last = last;
  return f;
}

int64_t RuleBuilder::extent(Value value, int64_t dim) {
  int64_t size = cast<RankedTensorType>(value.getType()).getDimSize(dim);
  return ShapedType::isDynamic(size) ? 0 : size;
}

void RuleBuilder::set(SmallVectorImpl<int> &dim, ArrayRef<int> factors) {
  for (int f : factors)
    if (rule.factors[f].size > 1)
      dim.push_back(f);
}

void RuleBuilder::everywhere(int64_t dim, int f) {
  auto place = [&](ValueRange values, SmallVectorImpl<ShardingRule::TensorFactors> &into) {
    for (auto [value, dims] : llvm::zip_equal(values, into))
      if (dim < int64_t(dims.size()) && extent(value, dim) == rule.factors[f].size)
        set(dims[dim], f);
  };
  place(op->getOperands(), rule.operands);
  place(op->getResults(), rule.results);
}

ShardingRule dist::sameDims(Operation *op, ArrayRef<int64_t> whole) {
  RuleBuilder rule(op);
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    rule.everywhere(dim, rule.factor(rule.resultExtent(0, dim), llvm::is_contained(whole, dim)
                                                                    ? Factor::Kind::Whole
                                                                    : Factor::Kind::Parallel));
  return rule.take();
}

FailureOr<Values> dist::cloneLocal(Operation *op, OpBuilder &builder, ValueRange operands,
                                   const Placement &placement) {
  IRMapping mapping;
  mapping.map(op->getOperands(), operands);
  Operation *copy = op->clone(mapping);
  for (auto [i, result] : llvm::enumerate(copy->getResults()))
    result.setType(placement.localResultType(op, i));
  builder.insert(copy);
  return Values(copy->getResults());
}

Value dist::partNumber(OpBuilder &builder, Location loc, ArrayRef<int> axes, MeshAttr mesh) {
  Value number;
  for (int axis : axes) {
    Value place = CoordinateOp::create(builder, loc, RankedTensorType::get({}, builder.getI64Type()),
                                       mesh.getNames()[axis]);
    if (number)
      place = ir::AddOp::create(
          builder, loc,
          ir::MulOp::create(builder, loc, number, ir::createShapeValue(builder, loc, mesh.getSizes()[axis])),
          place);
    number = place;
  }
  return number;
}
