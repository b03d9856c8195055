// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// RNN, LSTM and GRU: the products with the input of all steps at once, then one weft.scan per direction that
// carries the state. With sequence_lens a step beyond the end of a sequence keeps its state and gives zeros,
// which is right in both directions.
#include "Numeric.h"

using namespace mlir;
using namespace weft;
using namespace weft::ir;
using namespace weft::onnx;

namespace {

enum class Cell { RNN, LSTM, GRU };

/// An activation with its parameters.
struct Activation {
  std::string name;
  double alpha = 0, beta = 0;
};

class RecurrentImporter {
public:
  RecurrentImporter(NodeImporter &node, Cell cell) : node(node), cell(cell) {}
  LogicalResult run();

private:
  int64_t numGates() const { return cell == Cell::LSTM ? 4 : cell == Cell::GRU ? 3 : 1; }
  int64_t numActivations() const { return cell == Cell::LSTM ? 3 : cell == Cell::GRU ? 2 : 1; }
  LogicalResult readActivations();
  LogicalResult readOperands();
  Value activate(Value x, const Activation &activation);
  Value activateClipped(Value x, const Activation &activation);
  Value scaled(Value x, double factor) { return node.create<MulOp>(x, node.like(x, factor)); }
  Value shifted(Value x, double term) { return node.create<AddOp>(x, node.like(x, term)); }

  /// What belongs to direction d of an operand [directions, ...]; null stays null.
  Value direction(Value x, int64_t d) { return x ? node.squeeze(node.sliceAxis(x, 0, d, 1), {0}) : Value(); }
  /// Gate i of n along the last dimension.
  Value gate(Value x, int64_t i, int64_t n) {
    int64_t axis = node.rankOf(x) - 1;
    Extent size = node.floorDiv(node.extent(x, axis), n);
    return node.sliceAxis(x, axis, node.mul(size, i), size);
  }
  struct Direction {
    Value recurrent;                // [gates * hidden, hidden]
    Value recurrentBias, peepholes; // rank 1; may be null
    ArrayRef<Activation> activations;
  };
  /// The state after one step whose products with the input are `input` [batch, gates * hidden].
  void step(const Direction &direction, Value input, Value &h, Value &c);
  void stepGru(const Direction &direction, Value input, Value &h);
  void stepLstm(const Direction &direction, Value input, Value &h, Value &c);
  /// Runs direction d; the results are [step, batch, hidden], [batch, hidden] and (LSTM) [batch, hidden].
  SmallVector<Value> runDirection(int64_t d, bool reverse);

  NodeImporter &node;
  Cell cell;
  Value x, w, r, b, lengths, h0, c0, p;
  SmallVector<Activation> activations;
  int64_t numDirections = 1;
  bool isReverse = false, batchFirst = false;
  double clip = 0;
};

LogicalResult RecurrentImporter::readActivations() {
  SmallVector<std::string> names = node.getStrings("activations");
  if (names.empty()) {
    for (int64_t d = 0; d < numDirections; ++d) {
      if (cell != Cell::RNN)
        names.push_back("Sigmoid");
      names.push_back("Tanh");
      if (cell == Cell::LSTM)
        names.push_back("Tanh");
    }
  }
  if (cell == Cell::RNN && names.size() == 2 && numDirections == 1)
    names.pop_back(); // the default of both directions, spelt out
  if (int64_t(names.size()) != numActivations() * numDirections)
    return node.error() << "has " << names.size() << " activations, wanted "
                        << numActivations() * numDirections;
  // Parameters are given in order to those activations that have them.
  SmallVector<double> alphas = node.getFloats("activation_alpha"), betas = node.getFloats("activation_beta");
  size_t nextAlpha = 0, nextBeta = 0;
  struct Known {
    StringLiteral name;
    bool hasAlpha, hasBeta;
    double alpha, beta;
  };
  static constexpr Known known[] = {
      {"relu", false, false, 0, 0},        {"tanh", false, false, 0, 0},
      {"sigmoid", false, false, 0, 0},     {"affine", true, true, 1, 0},
      {"leakyrelu", true, false, 0.01, 0}, {"thresholdedrelu", true, false, 1, 0},
      {"scaledtanh", true, true, 1, 1},    {"hardsigmoid", true, true, 0.2, 0.5},
      {"elu", true, false, 1, 0},          {"softsign", false, false, 0, 0},
      {"softplus", false, false, 0, 0}};
  for (const std::string &name : names) {
    std::string lower = StringRef(name).lower();
    const Known *entry = llvm::find_if(known, [&](const Known &k) { return k.name == lower; });
    if (entry == std::end(known))
      return node.error() << "has activation '" << name
                          << "', wanted one of Relu, Tanh, Sigmoid, Affine, LeakyRelu, "
                          << "ThresholdedRelu, ScaledTanh, HardSigmoid, Elu, Softsign and Softplus";
    Activation activation{lower, entry->alpha, entry->beta};
    if (entry->hasAlpha && nextAlpha < alphas.size())
      activation.alpha = alphas[nextAlpha++];
    if (entry->hasBeta && nextBeta < betas.size())
      activation.beta = betas[nextBeta++];
    activations.push_back(activation);
  }
  return success();
}

Value RecurrentImporter::activate(Value x, const Activation &activation) {
  StringRef name = activation.name;
  double alpha = activation.alpha, beta = activation.beta;
  if (name == "relu")
    return node.create<ReluOp>(x);
  if (name == "tanh")
    return node.create<TanhOp>(x);
  if (name == "sigmoid")
    return node.create<LogisticOp>(x);
  if (name == "affine")
    return shifted(scaled(x, alpha), beta);
  if (name == "scaledtanh")
    return scaled(node.create<TanhOp>(scaled(x, beta)), alpha);
  if (name == "hardsigmoid")
    return node.create<ClampOp>(node.like(x, 0), shifted(scaled(x, alpha), beta), node.like(x, 1));
  if (name == "softsign")
    return node.create<DivOp>(x, shifted(node.create<AbsOp>(x), 1));
  if (name == "softplus") {
    // max(x, 0) + log(1 + exp(-|x|)), which does not overflow
    Value tail = node.create<Log1pOp>(node.create<ExpOp>(node.create<NegOp>(node.create<AbsOp>(x))));
    return node.create<AddOp>(node.create<ReluOp>(x), tail);
  }
  Value isAbove =
      node.create<CompareOp>(CompareKind::gt, x, node.like(x, name == "thresholdedrelu" ? alpha : 0));
  Value below;
  if (name == "leakyrelu")
    below = scaled(x, alpha);
  else if (name == "elu")
    below = scaled(node.create<Expm1Op>(x), alpha);
  else
    below = node.like(x, 0);
  return node.create<SelectOp>(isAbove, x, below);
}

Value RecurrentImporter::activateClipped(Value x, const Activation &activation) {
  if (clip > 0)
    x = node.create<ClampOp>(node.like(x, -clip), x, node.like(x, clip));
  return activate(x, activation);
}

//===-- Steps
//-------------------------------------------------------------------------------------------------===//

void RecurrentImporter::stepGru(const Direction &direction, Value input, Value &h) {
  bool linearBeforeReset = node.getInt("linear_before_reset", 0) != 0;
  auto rowsOf = [&](int64_t first, int64_t count) {
    Extent size = node.floorDiv(node.extent(direction.recurrent, 0), 3);
    return node.sliceAxis(direction.recurrent, 0, node.mul(size, first), node.mul(size, count));
  };
  auto biasOf = [&](int64_t first) { return node.unsqueeze(gate(direction.recurrentBias, first, 3), {0}); };
  Value update = gate(input, 0, 3), reset = gate(input, 1, 3), hidden = gate(input, 2, 3);
  Value products = node.dotGeneral(h, rowsOf(0, 2), {}, {}, {1}, {1});
  update = node.create<AddOp>(update, gate(products, 0, 2));
  reset = node.create<AddOp>(reset, gate(products, 1, 2));
  if (direction.recurrentBias) {
    update = node.create<AddOp>(update, biasOf(0));
    reset = node.create<AddOp>(reset, biasOf(1));
  }
  update = activateClipped(update, direction.activations[0]);
  reset = activateClipped(reset, direction.activations[0]);
  Value recurrent = linearBeforeReset ? h : Value(node.create<MulOp>(reset, h));
  Value product = node.dotGeneral(recurrent, rowsOf(2, 1), {}, {}, {1}, {1});
  if (direction.recurrentBias)
    product = node.create<AddOp>(product, biasOf(2));
  if (linearBeforeReset)
    product = node.create<MulOp>(reset, product);
  hidden = activateClipped(node.create<AddOp>(hidden, product), direction.activations[1]);
  // (1 - update) · hidden + update · h
  Value rest = node.create<SubOp>(node.like(update, 1), update);
  h = node.create<AddOp>(node.create<MulOp>(rest, hidden), node.create<MulOp>(update, h));
}

void RecurrentImporter::stepLstm(const Direction &direction, Value input, Value &h, Value &c) {
  Value gates = node.create<AddOp>(input, node.dotGeneral(h, direction.recurrent, {}, {}, {1}, {1}));
  Value in = gate(gates, 0, 4), out = gate(gates, 1, 4), forget = gate(gates, 2, 4),
        cellGate = gate(gates, 3, 4);
  auto peep = [&](Value x, int64_t i, Value state) -> Value {
    if (!direction.peepholes)
      return x;
    Value weight = node.unsqueeze(gate(direction.peepholes, i, 3), {0});
    return node.create<AddOp>(x, node.create<MulOp>(weight, state));
  };
  in = activateClipped(peep(in, 0, c), direction.activations[0]);
  if (node.getInt("input_forget", 0))
    forget = node.create<SubOp>(node.like(in, 1), in);
  else
    forget = activateClipped(peep(forget, 2, c), direction.activations[0]);
  cellGate = activateClipped(cellGate, direction.activations[1]);
  c = node.create<AddOp>(node.create<MulOp>(forget, c), node.create<MulOp>(in, cellGate));
  out = activateClipped(peep(out, 1, c), direction.activations[0]);
  h = node.create<MulOp>(out, activate(c, direction.activations[2]));
}

void RecurrentImporter::step(const Direction &direction, Value input, Value &h, Value &c) {
  if (cell == Cell::GRU)
    return stepGru(direction, input, h);
  if (cell == Cell::LSTM)
    return stepLstm(direction, input, h, c);
  Value sum = node.create<AddOp>(input, node.dotGeneral(h, direction.recurrent, {}, {}, {1}, {1}));
  h = activateClipped(sum, direction.activations[0]);
}

//===-- A direction
//-------------------------------------------------------------------------------------------===//

SmallVector<Value> RecurrentImporter::runDirection(int64_t d, bool reverse) {
  Direction own;
  own.recurrent = direction(r, d);
  own.peepholes = direction(p, d);
  own.activations = ArrayRef(activations).slice(d * numActivations(), numActivations());
  Value inputs = node.dotGeneral(x, direction(w, d), {}, {}, {2}, {1}); // [step, batch, gates * hidden]
  if (b) {
    Value both = direction(b, d);
    Value bias = gate(both, 0, 2), recurrentBias = gate(both, 1, 2);
    // GRU may scale the recurrent part of its last gate: that bias joins in the step.
    if (cell == Cell::GRU)
      own.recurrentBias = recurrentBias;
    else
      bias = node.create<AddOp>(bias, recurrentBias);
    inputs = node.create<AddOp>(inputs, node.unsqueeze(bias, {0, 1}));
  }
  Type type = node.elementTypeOf(x);
  Extents sizes = {node.extent(x, 1), node.extent(r, 2)};
  auto initial = [&](Value given) {
    Value state = given ? direction(given, d) : node.full(type, sizes, 0);
    // One type for the carry: the batch as x has it.
    SmallVector<Dim> dims = {sizes[0].dim, sizes[1].dim};
    return node.failed() ? state : node.castTo(state, makeTensorType(dims, type));
  };
  SmallVector<Value> carries = {initial(h0)};
  if (cell == Cell::LSTM)
    carries.push_back(initial(c0));
  SmallVector<Value> xs = {inputs};
  if (lengths)
    xs.push_back(node.iota(node.i64(), {node.extent(x, 0)}, 0));
  if (node.failed())
    return carries;
  Type carried = carries[0].getType();
  return node.scan(
      carries, xs, std::nullopt, reverse,
      [&](ValueRange now, ValueRange slices, SmallVectorImpl<Value> &next, SmallVectorImpl<Value> &stacked) {
        Value h = now[0], c = now.size() > 1 ? now[1] : Value();
        step(own, slices[0], h, c);
        Value output = h;
        if (lengths) {
          Value isWithin = node.create<CompareOp>(CompareKind::lt, toUnit(node, slices[1], 2), lengths);
          output = node.create<SelectOp>(isWithin, h, node.like(h, 0));
          h = node.create<SelectOp>(isWithin, h, now[0]);
          if (c)
            c = node.create<SelectOp>(isWithin, c, now[1]);
        }
        if (node.failed()) {
          next.assign(now.begin(), now.end());
          stacked.push_back(now[0]);
          return;
        }
        next.push_back(node.castTo(h, carried));
        if (c)
          next.push_back(node.castTo(c, carried));
        stacked.push_back(node.castTo(output, carried));
      });
}

LogicalResult RecurrentImporter::readOperands() {
  std::string name = node.getString("direction", "forward");
  isReverse = name == "reverse";
  numDirections = name == "bidirectional" ? 2 : 1;
  if (name != "forward" && name != "reverse" && name != "bidirectional")
    return node.error() << "has direction '" << name << "', wanted forward, reverse or bidirectional";
  batchFirst = node.getInt("layout", 0) != 0;
  clip = node.getFloat("clip", 0);
  auto optional = [&](int i) { return node.hasOperand(i) ? node.operand(i) : Value(); };
  x = node.operand(0);
  w = node.operand(1);
  r = node.operand(2);
  b = optional(3);
  lengths = optional(4);
  h0 = optional(5);
  if (cell == Cell::LSTM) {
    c0 = optional(6);
    p = optional(7);
  }
  struct {
    Value value;
    int64_t rank;
    StringLiteral name;
  } ranks[] = {
      {x, 3, "X"},          {w, 3, "W"},          {r, 3, "R"}, {b, 2, "B"}, {lengths, 1, "sequence_lens"},
      {h0, 3, "initial_h"}, {c0, 3, "initial_c"}, {p, 2, "P"}};
  for (auto &[value, rank, what] : ranks)
    if (value && node.rankOf(value) != rank)
      return node.error() << "has " << what << " of rank " << node.rankOf(value) << ", wanted " << rank;
  int64_t hidden = node.getInt("hidden_size", ShapedType::kDynamic);
  if (hidden != ShapedType::kDynamic && (hidden < 1 || hidden > (int64_t(1) << 30)))
    return node.error() << "has hidden_size " << hidden << ", wanted a positive number";
  int64_t gates = hidden == ShapedType::kDynamic ? hidden : numGates() * hidden;
  w = refine(node, w, {numDirections, gates, ShapedType::kDynamic});
  r = refine(node, r, {numDirections, gates, hidden});
  if (batchFirst) {
    x = node.transpose(x, {1, 0, 2});
    if (h0)
      h0 = node.transpose(h0, {1, 0, 2});
    if (c0)
      c0 = node.transpose(c0, {1, 0, 2});
  }
  // [batch, 1], to be compared with the number of the step
  if (lengths)
    lengths = node.unsqueeze(node.convert(lengths, node.i64()), {1});
  return success();
}

LogicalResult RecurrentImporter::run() {
  if (failed(readOperands()) || failed(readActivations()))
    return failure();
  // Per result, one value of each direction: Y [step, batch, hidden], Y_h and Y_c [batch, hidden].
  SmallVector<Value> parts[3];
  for (int64_t d = 0; d < numDirections; ++d) {
    SmallVector<Value> results = runDirection(d, d == 1 || isReverse);
    if (node.failed() || results.size() != (cell == Cell::LSTM ? 3u : 2u))
      return failure();
    parts[0].push_back(results.back());
    parts[1].push_back(results[0]);
    if (cell == Cell::LSTM)
      parts[2].push_back(results[1]);
  }
  for (int i = 0; i < (cell == Cell::LSTM ? 3 : 2); ++i) {
    if (i > 0 && !node.isResultUsed(i))
      continue;
    int64_t axis = i == 0 ? 1 : 0;
    for (Value &part : parts[i])
      part = node.unsqueeze(part, {axis});
    Value joined = parts[i].size() == 1 ? parts[i].front() : node.concat(parts[i], axis);
    if (batchFirst)
      joined = i == 0 ? node.transpose(joined, {2, 0, 1, 3}) : node.transpose(joined, {1, 0, 2});
    if (failed(node.setResult(i, joined)))
      return failure();
  }
  return success();
}

} // namespace

template <Cell cell> static LogicalResult importRecurrent(NodeImporter &node) {
  return RecurrentImporter(node, cell).run();
}

void weft::onnx::registerRecurrentOps(OpTable &table) {
  table.add("RNN", 3, 6, importRecurrent<Cell::RNN>);
  table.add("GRU", 3, 6, importRecurrent<Cell::GRU>);
  table.add("LSTM", 3, 8, importRecurrent<Cell::LSTM>);
}
