// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ops that draw random numbers. The bits are weft.random_bits of the element's number; the key is the node's
// seed, or without one a hash of its name, so the same program draws the same numbers in every run.
#include "Numeric.h"
#include "OnnxWire.pb.h"

#include "llvm/Support/xxhash.h"
#include <bit>
#include <cmath>

using namespace mlir;
using namespace weft;
using namespace weft::ir;
using namespace weft::onnx;

/// Uniform f32 in [0, 1) of these extents.
static Value uniform(NodeImporter &node, ArrayRef<Extent> sizes) {
  uint32_t seed = uint32_t(llvm::xxh3_64bits(node.getName()));
  // A float by the specification, an integer by some exporters.
  if (const onnx_wire::AttributeProto *attribute = node.getAttribute("seed"))
    seed = attribute->type() == onnx_wire::AttributeProto::INT ? uint32_t(attribute->i())
                                                               : std::bit_cast<uint32_t>(attribute->f());
  Result<HostTensor> key = HostTensor::fromValues<uint32_t>({2}, {seed, 0x57656674});
  if (!key.isOk()) {
    node.error() << "has no memory for the key of its random numbers";
    return node.unit(node.f32(), sizes.size(), 0);
  }
  Type ui64 = node.b().getIntegerType(64, /*isSigned=*/false),
       ui32 = node.b().getIntegerType(32, /*isSigned=*/false);
  Value counter = node.reshape(node.iota(ui64, {node.product(sizes)}, 0), sizes);
  Value bits = node.create<RandomBitsOp>(node.constant(*key), counter, RandomAlgorithm::philox);
  if (node.failed())
    return bits;
  // The upper 23 bits as those behind the point of a number in [1, 2).
  int64_t rank = sizes.size();
  Value mantissa = node.create<ShrOp>(bits, node.unit(ui32, rank, 9));
  Value pattern = node.create<OrOp>(mantissa, node.unit(ui32, rank, double(0x3F800000)));
  Value number = BitcastConvertOp::create(node.b(), node.getLoc(),
                                          withElementType(pattern.getType(), node.f32()), pattern);
  return node.create<SubOp>(number, node.like(number, 1));
}

/// Standard normal f32: sqrt(2) · erf_inv(2 u - 1), u moved off 0 by half a step.
static Value normal(NodeImporter &node, ArrayRef<Extent> sizes) {
  Value u = uniform(node, sizes);
  Value doubled = node.create<MulOp>(u, node.like(u, 2));
  Value centred = node.create<SubOp>(doubled, node.like(u, 1 - std::ldexp(1.0, -23)));
  return node.create<MulOp>(node.create<ErfInvOp>(centred), node.like(u, std::sqrt(2.0)));
}

//===-- Distributions
//-----------------------------------------------------------------------------------------===//

static Value drawUniform(NodeImporter &node, ArrayRef<Extent> sizes) {
  double low = node.getFloat("low", 0), high = node.getFloat("high", 1);
  Value u = uniform(node, sizes);
  return node.create<AddOp>(node.create<MulOp>(u, node.like(u, high - low)), node.like(u, low));
}

static Value drawNormal(NodeImporter &node, ArrayRef<Extent> sizes) {
  double mean = node.getFloat("mean", 0), scale = node.getFloat("scale", 1);
  Value z = normal(node, sizes);
  return node.create<AddOp>(node.create<MulOp>(z, node.like(z, scale)), node.like(z, mean));
}

/// The type the attribute dtype names, else the default; null after an error.
static Type readType(NodeImporter &node, Type defaultType) {
  return node.hasAttribute("dtype") ? node.getElementTypeOf(node.getInt("dtype", 1)) : defaultType;
}

using Draw = Value (*)(NodeImporter &, ArrayRef<Extent>);

template <Draw draw> static LogicalResult importDraw(NodeImporter &node) {
  SmallVector<int64_t> shape = node.getInts("shape");
  for (int64_t extent : shape)
    if (extent < 0)
      return node.error() << "has extent " << extent << " in 'shape', wanted 0 or more";
  Type type = readType(node, node.f32());
  return type ? node.setResult(node.convert(draw(node, toExtents(shape)), type)) : failure();
}

template <Draw draw> static LogicalResult importDrawLike(NodeImporter &node) {
  Value x = node.operand(0);
  Type type = readType(node, node.elementTypeOf(x));
  return type ? node.setResult(node.convert(draw(node, node.extents(x)), type)) : failure();
}

static LogicalResult importBernoulli(NodeImporter &node) {
  Value p = node.operand(0);
  Type type = readType(node, node.elementTypeOf(p));
  if (!type)
    return failure();
  Value wide = toFloat(node, p);
  Value u = node.convert(uniform(node, node.extents(p)), node.elementTypeOf(wide));
  return node.setResult(node.convert(node.create<CompareOp>(CompareKind::lt, u, wide), type));
}

/// Classes drawn with probabilities proportional to exp(x): the greatest of x plus Gumbel noise.
static LogicalResult importMultinomial(NodeImporter &node) {
  Value x = node.operand(0);
  int64_t samples = node.getInt("sample_size", 1);
  if (node.rankOf(x) != 2 || samples < 0)
    return node.error() << "has an input of rank " << node.rankOf(x) << " and sample_size " << samples
                        << ", wanted rank 2 and 0 or more";
  Type type = readType(node, node.b().getI32Type());
  if (!type)
    return failure();
  Value logits = node.unsqueeze(toFloat(node, x), {1});
  Value u = uniform(node, {node.extent(x, 0), Extent(samples), node.extent(x, 1)});
  u = node.create<AddOp>(u, node.like(u, std::ldexp(1.0, -24)));
  Value inner = node.create<NegOp>(node.create<LogOp>(u));
  Value noise = node.convert(node.create<NegOp>(node.create<LogOp>(inner)), node.elementTypeOf(logits));
  Value drawn =
      node.create<ArgReduceOp>(node.create<AddOp>(logits, noise), ArgKind::max, int64_t(2), Tie::first);
  return node.setResult(node.convert(drawn, type));
}

//===-- Dropout
//-----------------------------------------------------------------------------------------------===//

static LogicalResult importDropout(NodeImporter &node) {
  Value x = node.operand(0);
  int64_t rank = node.rankOf(x);
  Extents sizes = node.extents(x);
  // Up to opset 11 the op describes inference; since 12 an input says whether it is training.
  Value training = node.getOpset() >= 12 && node.hasOperand(2) ? node.operand(2) : Value();
  std::optional<double> knownTraining =
      training ? node.getConstantScalar(training) : std::optional<double>(0);
  std::optional<double> ratio = node.getFloat("ratio", 0.5);
  if (node.hasOperand(1))
    ratio = node.getConstantScalar(node.operand(1));
  if (knownTraining == 0.0 || ratio == 0.0) {
    if (failed(node.setResult(0, x)))
      return failure();
    Type maskType = node.getOpset() < 10 ? node.elementTypeOf(x) : node.i1();
    return node.isResultUsed(1) ? node.setResult(1, node.full(maskType, sizes, 1)) : success();
  }
  Value wide = toFloat(node, x);
  Type type = node.elementTypeOf(wide);
  Value dropped = node.hasOperand(1) ? node.convert(toUnit(node, node.operand(1), rank), type)
                                     : node.unit(type, rank, *ratio);
  Value u = node.convert(uniform(node, sizes), type);
  Value kept = node.create<CompareOp>(CompareKind::ge, u, dropped);
  Value factor =
      node.create<DivOp>(node.like(dropped, 1), node.create<SubOp>(node.like(dropped, 1), dropped));
  Value y = node.create<SelectOp>(kept, node.create<MulOp>(wide, factor), node.like(wide, 0));
  y = node.convert(y, node.elementTypeOf(x));
  if (!knownTraining) {
    Value isTraining = toUnit(node, training, rank);
    y = node.create<SelectOp>(isTraining, y, x);
    kept = node.create<OrOp>(kept, node.create<NotOp>(isTraining));
  }
  if (failed(node.setResult(0, y)))
    return failure();
  return node.isResultUsed(1) ? node.setResult(1, kept) : success();
}

void weft::onnx::registerRandomOps(OpTable &table) {
  table.add("RandomUniform", 0, 0, importDraw<drawUniform>);
  table.add("RandomNormal", 0, 0, importDraw<drawNormal>);
  table.add("RandomUniformLike", 1, 1, importDrawLike<drawUniform>);
  table.add("RandomNormalLike", 1, 1, importDrawLike<drawNormal>);
  table.add("Bernoulli", 1, 1, importBernoulli);
  table.add("Multinomial", 1, 1, importMultinomial);
  table.add("Dropout", 1, 3, importDropout);
}
