// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the import of one ONNX node sees: its operands, attributes and opset, helpers that build weft ops, and
// the table in which each op family registers its functions.
//
// Errors. After the first error of a node (error(), a failed helper, a type that cannot be inferred) the node
// has failed whatever its function returns; create() and the helpers then return placeholders, never null, so
// that a chain of them needs no checks in between. Further errors of that node are not printed. Bail out with
// failed() before indexing by ranks that an earlier helper promised. Operands' values never crash the import:
// check before you index.
#ifndef WEFT_LIB_IMPORT_ONNX_NODEIMPORTER_H
#define WEFT_LIB_IMPORT_ONNX_NODEIMPORTER_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/Diagnostics.h"
#include "weft/Dialect/Weft/WeftOps.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringMap.h"

namespace weft::onnx_wire {
class AttributeProto;
class NodeProto;
} // namespace weft::onnx_wire

namespace weft::onnx {

class GraphImporter;
class NodeImporter;
struct Imported;

//===-- Extents
//------------------------------------------------------------------------------------------------===//

/// A 64-bit integer of the graph: an extent, an offset, a count. Static, or a rank-0 i64 value with what is
/// known of it. Negative numbers are legal.
struct Extent {
  Extent() : dim(0) {}
  Extent(int64_t number) : dim(number) {}
  /// A rank-0 i64 value; becomes static when the value is known.
  static Extent of(mlir::Value value);
  static Extent of(ir::Dim dim, mlir::Value value);

  bool isStatic() const { return dim.isStatic(); }
  bool is(int64_t number) const { return dim.is(number); }
  int64_t getStatic() const { return dim.getStatic(); }
  /// Proved equal.
  bool operator==(const Extent &other) const { return dim == other.dim || (value && value == other.value); }

  ir::Dim dim;
  mlir::Value value; // null exactly when static
};
using Extents = llvm::SmallVector<Extent, 2>;

/// The static part and the holes of a mixed list, as ops take it.
struct MixedList {
  explicit MixedList(llvm::ArrayRef<Extent> extents);
  llvm::SmallVector<int64_t> statics;
  llvm::SmallVector<mlir::Value> values;
};

/// The static numbers of a list as extents.
Extents toExtents(llvm::ArrayRef<int64_t> numbers);
/// All numbers, if all are static.
std::optional<llvm::SmallVector<int64_t>> toNumbers(llvm::ArrayRef<Extent> extents);

//===-- The table
//----------------------------------------------------------------------------------------------===//

using ImportFunction = mlir::LogicalResult (*)(NodeImporter &node);

/// How an op is imported. Before the function is called the core has checked the number of inputs, and that
/// the first `minInputs` are there and are tensors.
struct OpEntry {
  ImportFunction function = nullptr;
  int minInputs = 0;
  int maxInputs = -1; // -1: any number
};

class OpTable {
public:
  void add(llvm::StringRef opType, int minInputs, int maxInputs, ImportFunction function,
           llvm::StringRef domain = "");
  const OpEntry *find(llvm::StringRef domain, llvm::StringRef opType) const;
  /// All ops, "domain.Op" or "Op", sorted.
  std::vector<std::string> names() const;

private:
  llvm::StringMap<OpEntry> entries;
};

// One function per family file. OpTable.cpp calls them all.
void registerElementwiseOps(OpTable &table);
void registerActivationOps(OpTable &table);
void registerShapeOps(OpTable &table);
void registerArrangeOps(OpTable &table);
void registerGenerateOps(OpTable &table);
void registerIndexOps(OpTable &table);
void registerControlOps(OpTable &table);
void registerSequenceOps(OpTable &table);
void registerContractOps(OpTable &table); // MatMul*, Gemm, Einsum, Det, DFT, STFT
void registerConvOps(OpTable &table);     // Conv*, DeformConv, Col2Im, CausalConvWithState
void registerPoolOps(OpTable &table); // pools, MaxUnpool, Resize, Upsample, GridSample, RoiAlign, AffineGrid
void registerReduceOps(OpTable &table);    // Reduce*, CumSum, CumProd, Softmax*, Hardmax, losses
void registerNormOps(OpTable &table);      // all normalisations, LRN
void registerAttentionOps(OpTable &table); // Attention, RotaryEmbedding, LinearAttention
void registerRecurrentOps(OpTable &table); // RNN, LSTM, GRU
void registerQuantOps(OpTable &table);     // QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear
void registerRandomOps(OpTable &table);    // Dropout, Random*, Bernoulli, Multinomial
void registerOtherOps(OpTable &table);     // NonMaxSuppression and what fits nowhere else

/// The table of all ops.
const OpTable &getOpTable();

//===-- One node
//-----------------------------------------------------------------------------------------------===//

class NodeImporter {
public:
  NodeImporter(GraphImporter &graph, const onnx_wire::NodeProto &proto, mlir::Location loc,
               llvm::StringRef name);

  //-- The node.
  llvm::StringRef getOpType() const;
  /// The node's name, else "Op_<position>".
  llvm::StringRef getName() const { return name; }
  /// Version of the node's domain that the model imports.
  int64_t getOpset() const;
  mlir::Location getLoc() const { return loc; }
  mlir::OpBuilder &b() const;
  mlir::MLIRContext *getContext() const;
  /// "node 'name' (Op): " and what is streamed into it. Lower case: found, then wanted.
  mlir::InFlightDiagnostic error();
  /// Says that the model uses something of the op that Weft does not do; shown in the report of unsupported
  /// ops.
  mlir::LogicalResult unsupported(const llvm::Twine &what);
  bool failed() const { return hasFailed; }
  /// Fails without a word: an error inside of the node (in a subgraph) has been printed.
  mlir::LogicalResult fail() {
    hasFailed = true;
    return mlir::failure();
  }
  /// Gives up without a word: something inside of the node (a subgraph) is in the report already.
  mlir::LogicalResult poison() {
    hasFailed = isUnsupported = true;
    return mlir::failure();
  }

  //-- Operands and results.
  int getNumOperands() const;
  bool hasOperand(int i) const;
  /// The tensor; null when the input is absent (never for i < minInputs).
  mlir::Value operand(int i);
  /// All operands; absent ones are null.
  llvm::SmallVector<mlir::Value> operands();
  /// Results the node names, trailing ones left out.
  int getNumResults() const;
  /// Whether somebody can see result i.
  bool isResultUsed(int i) const;
  /// The extents (unknown ones as Dim::unknown()) that the model declares for a result, if it does.
  std::optional<llvm::SmallVector<ir::Dim>> getDeclaredDims(int i) const;
  /// Element type the model declares for a result, or null.
  mlir::Type getDeclaredElementType(int i) const;
  /// Sets result i. success(), unless the node has failed.
  mlir::LogicalResult setResult(int i, mlir::Value value);
  mlir::LogicalResult setResult(mlir::Value value) { return setResult(0, value); }

  //-- Attributes. A wrong type of attribute is an error of the node; the default is returned then.
  bool hasAttribute(llvm::StringRef name) const;
  int64_t getInt(llvm::StringRef name, int64_t defaultValue);
  double getFloat(llvm::StringRef name, double defaultValue);
  std::string getString(llvm::StringRef name, llvm::StringRef defaultValue);
  llvm::SmallVector<int64_t> getInts(llvm::StringRef name, llvm::ArrayRef<int64_t> defaultValue = {});
  llvm::SmallVector<double> getFloats(llvm::StringRef name, llvm::ArrayRef<double> defaultValue = {});
  llvm::SmallVector<std::string> getStrings(llvm::StringRef name);
  std::optional<HostTensor> getTensor(llvm::StringRef name);
  const onnx_wire::AttributeProto *getAttribute(llvm::StringRef name) const;
  /// The element type of an ONNX data type number (TensorProto.DataType); an error and null for strings and
  /// the rest.
  mlir::Type getElementTypeOf(int64_t onnxDataType);

  //-- What is known of values while importing.
  std::optional<HostTensor> getConstant(mlir::Value value) const;
  /// The numbers of a constant integer tensor.
  std::optional<llvm::SmallVector<int64_t>> getConstantInts(mlir::Value value) const;
  std::optional<double> getConstantScalar(mlir::Value value) const;
  /// The elements of a rank-0 or rank-1 integer tensor, as far as they were followed: chains of Shape,
  /// Gather, Concat, arithmetic. Nothing when it was not.
  std::optional<Extents> getContents(mlir::Value value) const;
  /// The same; what was not followed is read at run time. Fails (with an error) only when the tensor is no
  /// integer of rank 0 or 1, or its number of elements is unknown or above 64.
  mlir::FailureOr<Extents> readContents(mlir::Value value);
  /// The one element of an integer tensor of any rank.
  mlir::FailureOr<Extent> readScalar(mlir::Value value);
  /// Operand i as numbers; an error "needs a constant" otherwise. `what` names it: "axes".
  mlir::FailureOr<llvm::SmallVector<int64_t>> requireInts(int i, llvm::StringRef what);
  mlir::FailureOr<HostTensor> requireConstant(int i, llvm::StringRef what);
  /// One number, from an operand or (older opsets) an attribute.
  mlir::FailureOr<int64_t> requireInt(int i, llvm::StringRef what);
  /// Operand i when present, else the attribute (older opsets), else nothing. As requireInts.
  mlir::FailureOr<std::optional<llvm::SmallVector<int64_t>>> getOptionalInts(int i,
                                                                             llvm::StringRef attribute);

  //-- Axes.
  /// -rank..rank-1 to 0..rank-1; an error otherwise.
  mlir::FailureOr<int64_t> normalizeAxis(int64_t axis, int64_t rank);
  /// Also sorted, and refused when one occurs twice.
  mlir::FailureOr<llvm::SmallVector<int64_t>> normalizeAxes(llvm::ArrayRef<int64_t> axes, int64_t rank);

  //-- Types.
  static mlir::RankedTensorType typeOf(mlir::Value value) {
    return mlir::cast<mlir::RankedTensorType>(value.getType());
  }
  static mlir::Type elementTypeOf(mlir::Value value) { return typeOf(value).getElementType(); }
  static int64_t rankOf(mlir::Value value) { return typeOf(value).getRank(); }
  static bool isFloat(mlir::Value value) { return mlir::isa<mlir::FloatType>(elementTypeOf(value)); }
  static bool isBool(mlir::Value value) { return elementTypeOf(value).isInteger(1); }
  static bool isUnsigned(mlir::Value value) { return elementTypeOf(value).isUnsignedInteger(); }
  mlir::Type i64() const;
  mlir::Type f32() const;
  mlir::Type i1() const;

  //-- Building. create<Op>(arguments of the op's builder without result types): infers the result types with
  // an error
  // instead of an abort, folds, and returns the only result.
  template <class Op, class... Args> mlir::Value create(Args &&...args);
  /// The same for ops of several results.
  template <class Op, class... Args> llvm::SmallVector<mlir::Value> createMulti(Args &&...args);

  /// Raises ranks and makes the values unit-broadcastable by NumPy's rule: where equality of extents cannot
  /// be proved, weft.broadcast to computed sizes. Null values stay null and are skipped. An error when
  /// extents conflict.
  llvm::SmallVector<mlir::Value> broadcastTogether(llvm::ArrayRef<mlir::Value> values);
  /// The extents of NumPy's broadcast of the shapes.
  mlir::FailureOr<Extents> broadcastExtents(llvm::ArrayRef<Extents> shapes);
  /// create<Op>(a, b) after broadcastTogether.
  template <class Op> mlir::Value binary(mlir::Value a, mlir::Value b) {
    llvm::SmallVector<mlir::Value> values = broadcastTogether({a, b});
    return create<Op>(values[0], values[1]);
  }
  mlir::Value add(mlir::Value a, mlir::Value b) { return binary<ir::AddOp>(a, b); }
  mlir::Value sub(mlir::Value a, mlir::Value b) { return binary<ir::SubOp>(a, b); }
  mlir::Value mul(mlir::Value a, mlir::Value b) { return binary<ir::MulOp>(a, b); }
  mlir::Value div(mlir::Value a, mlir::Value b) { return binary<ir::DivOp>(a, b); }
  mlir::Value max(mlir::Value a, mlir::Value b) { return binary<ir::MaxOp>(a, b); }
  mlir::Value min(mlir::Value a, mlir::Value b) { return binary<ir::MinOp>(a, b); }
  mlir::Value compare(ir::CompareKind kind, mlir::Value a, mlir::Value b);
  mlir::Value select(mlir::Value predicate, mlir::Value onTrue, mlir::Value onFalse);
  /// Nothing when the type is already that.
  mlir::Value convert(mlir::Value x, mlir::Type elementType, bool saturate = false);
  /// A constant of unit extents that broadcasts against x: same rank, same element type.
  mlir::Value like(mlir::Value x, double value);
  /// The same for any rank and type.
  mlir::Value unit(mlir::Type elementType, int64_t rank, double value);
  mlir::Value constant(const HostTensor &tensor);
  /// Rank-1 i64, or (scalarI64) rank-0.
  mlir::Value constantI64(llvm::ArrayRef<int64_t> values);
  mlir::Value scalarI64(int64_t value);
  /// Every element `value`, of any extents.
  mlir::Value full(mlir::Type elementType, llvm::ArrayRef<Extent> sizes, double value);

  Extent extent(mlir::Value x, int64_t axis);
  Extents extents(mlir::Value x);
  Extent add(Extent a, Extent b);
  Extent sub(Extent a, Extent b);
  Extent mul(Extent a, Extent b);
  /// Rounding down; both operands nonnegative, b positive.
  Extent floorDiv(Extent a, Extent b);
  Extent ceilDiv(Extent a, Extent b);
  Extent max(Extent a, Extent b);
  Extent min(Extent a, Extent b);
  /// `a == b ? onTrue : onFalse`, decided now where it can be.
  Extent selectEqual(Extent a, Extent b, Extent onTrue, Extent onFalse);
  /// `a < b ? onTrue : onFalse`.
  Extent selectLess(Extent a, Extent b, Extent onTrue, Extent onFalse);
  Extent product(llvm::ArrayRef<Extent> extents);
  /// The rank-0 i64 value.
  mlir::Value toValue(Extent extent);
  /// The rank-1 i64 tensor of these elements.
  mlir::Value toTensor(llvm::ArrayRef<Extent> extents);

  mlir::Value reshape(mlir::Value x, llvm::ArrayRef<Extent> sizes);
  mlir::Value reshape(mlir::Value x, llvm::ArrayRef<int64_t> sizes) { return reshape(x, toExtents(sizes)); }
  /// Adds unit dimensions at these (sorted, final) positions; drops dimensions of extent 1.
  mlir::Value unsqueeze(mlir::Value x, llvm::ArrayRef<int64_t> axes);
  mlir::Value squeeze(mlir::Value x, llvm::ArrayRef<int64_t> axes);
  /// x at `rank` by leading unit dimensions.
  mlir::Value raiseRank(mlir::Value x, int64_t rank);
  /// A rank-1 x along dimension `axis` of a tensor of that rank (a bias, a scale).
  mlir::Value alongAxis(mlir::Value x, int64_t axis, int64_t rank);
  mlir::Value transpose(mlir::Value x, llvm::ArrayRef<int64_t> permutation);
  mlir::Value broadcastTo(mlir::Value x, llvm::ArrayRef<Extent> sizes, llvm::ArrayRef<int64_t> dims);
  /// The same with x's dimensions last (NumPy).
  mlir::Value broadcastTo(mlir::Value x, llvm::ArrayRef<Extent> sizes);
  mlir::Value slice(mlir::Value x, llvm::ArrayRef<Extent> starts, llvm::ArrayRef<Extent> sizes,
                    llvm::ArrayRef<int64_t> strides = {});
  /// One axis only; the whole of the others.
  mlir::Value sliceAxis(mlir::Value x, int64_t axis, Extent start, Extent size, int64_t stride = 1);
  mlir::Value concat(llvm::ArrayRef<mlir::Value> values, int64_t axis);
  /// `value` is rank 0 of x's element type; null: zero.
  mlir::Value pad(mlir::Value x, llvm::ArrayRef<Extent> low, llvm::ArrayRef<Extent> high,
                  mlir::Value value = nullptr, ir::PadMode mode = ir::PadMode::constant,
                  llvm::ArrayRef<int64_t> interior = {});
  mlir::Value iota(mlir::Type elementType, llvm::ArrayRef<Extent> sizes, int64_t axis);
  mlir::Value reverse(mlir::Value x, llvm::ArrayRef<int64_t> axes);
  mlir::Value reduce(ir::ReduceKind kind, mlir::Value x, llvm::ArrayRef<int64_t> axes, bool keepDims = false);
  mlir::Value gather(mlir::Value x, mlir::Value index, llvm::ArrayRef<int64_t> dims,
                     llvm::ArrayRef<int64_t> batchDims, llvm::ArrayRef<int64_t> indexBatchDims, int64_t at);
  mlir::Value scatter(ir::ScatterKind kind, mlir::Value x, mlir::Value index, mlir::Value update,
                      llvm::ArrayRef<int64_t> dims, llvm::ArrayRef<int64_t> batchDims,
                      llvm::ArrayRef<int64_t> indexBatchDims, int64_t at);
  /// Negative indices count from the end: select(i < 0, i + n, i). Indices become i64 unless i32.
  mlir::Value wrapIndex(mlir::Value index, Extent n);
  /// Stops the run when an index is not in [-n, n); constant ones are looked at now. `ends`: the n of all
  /// indices, or of each component along the last dimension.
  void checkIndex(mlir::Value index, llvm::ArrayRef<Extent> ends);
  mlir::Value dotGeneral(mlir::Value lhs, mlir::Value rhs, llvm::ArrayRef<int64_t> lhsBatch,
                         llvm::ArrayRef<int64_t> rhsBatch, llvm::ArrayRef<int64_t> lhsContract,
                         llvm::ArrayRef<int64_t> rhsContract, mlir::Type elementType = nullptr);
  /// The same tensor under the declared extents of result i, where they say more; else the tensor itself.
  mlir::Value refineToDeclared(int i, mlir::Value x);

  //-- Control flow. Bodies build with b(); they may use outer values.
  /// weft.scan over axis 0 of `xs` (or `length` steps when there are none). The body returns the next carries
  /// and one slice for each stacked result; carries must keep their types. Results: the last carries, then
  /// the stacks.
  using ScanBody = llvm::function_ref<void(mlir::ValueRange carries, mlir::ValueRange slices,
                                           llvm::SmallVectorImpl<mlir::Value> &nextCarries,
                                           llvm::SmallVectorImpl<mlir::Value> &stacked)>;
  llvm::SmallVector<mlir::Value> scan(llvm::ArrayRef<mlir::Value> init, llvm::ArrayRef<mlir::Value> xs,
                                      std::optional<Extent> length, bool reverse, ScanBody body);
  /// weft.while; `condition` returns a rank-0 i1, `body` the next carried values, of the types of `init`.
  llvm::SmallVector<mlir::Value>
  loop(llvm::ArrayRef<mlir::Value> init, llvm::function_ref<mlir::Value(mlir::ValueRange)> condition,
       llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::ValueRange)> body);
  /// x under this type (cast_shape), or x itself.
  mlir::Value castTo(mlir::Value x, mlir::Type type);

  //-- For ops whose operands or results are not tensors, and for subgraphs (GraphImporter.h).
  GraphImporter &getGraph() const { return graph; }
  const onnx_wire::NodeProto &getProto() const { return proto; }
  /// Operand i, whatever it is.
  Imported imported(int i) const;
  mlir::LogicalResult setImported(int i, Imported value);

private:
  /// Infers types into `state` and makes the op; empty on error.
  llvm::SmallVector<mlir::Value>
  finish(mlir::OperationState &state,
         llvm::function_ref<mlir::LogicalResult(std::optional<mlir::Location>,
                                                llvm::SmallVectorImpl<mlir::Type> &)>
             infer);

  friend class GraphImporter;

  GraphImporter &graph;
  const onnx_wire::NodeProto &proto;
  mlir::Location loc;
  std::string name;
  bool hasFailed = false;
  bool isUnsupported = false;
};

//===-- Templates
//----------------------------------------------------------------------------------------------===//

namespace detail {
template <class Op> constexpr int countResults() {
  if constexpr (Op::template hasTrait<mlir::OpTrait::OneResult>())
    return 1;
  else if constexpr (Op::template hasTrait<mlir::OpTrait::NResults<2>::template Impl>())
    return 2;
  else if constexpr (Op::template hasTrait<mlir::OpTrait::NResults<3>::template Impl>())
    return 3;
  else
    return 0; // variadic
}
} // namespace detail

template <class Op, class... Args> llvm::SmallVector<mlir::Value> NodeImporter::createMulti(Args &&...args) {
  mlir::OperationState state(loc, Op::getOperationName());
  // The builder that infers aborts on an error: give it types to replace.
  llvm::SmallVector<mlir::Type> placeholders(detail::countResults<Op>(), b().getNoneType());
  Op::build(b(), state, mlir::TypeRange(placeholders), std::forward<Args>(args)...);
  state.types.clear();
  return finish(state, [&](std::optional<mlir::Location> where, llvm::SmallVectorImpl<mlir::Type> &types) {
    return Op::inferReturnTypes(getContext(), where, state.operands,
                                state.attributes.getDictionary(getContext()), state.getRawProperties(),
                                mlir::RegionRange(state.regions), types);
  });
}

template <class Op, class... Args> mlir::Value NodeImporter::create(Args &&...args) {
  return createMulti<Op>(std::forward<Args>(args)...).front();
}

} // namespace weft::onnx

#endif // WEFT_LIB_IMPORT_ONNX_NODEIMPORTER_H
