// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Makes kernels of calls that GPUs have kernels for. Stage: host, for GPUs, after outlining. Before and
// after: Passes.td.
#include "weft/Codegen/Passes.h"

#include "weft/Codegen/GPU/GenerateNonZero.h"
#include "weft/Codegen/GPU/GenerateSort.h"
#include "weft/Dialect/Host/HostDialect.h"
#include "weft/Dialect/Weft/WeftOps.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace weft::ir;

namespace weft {
#define GEN_PASS_DEF_OUTLINECALLSPASS
#include "weft/Codegen/Passes.h.inc"

namespace {

/// The most that an extent is by the bounds of names that the module declares, or `otherwise`.
int64_t mostOf(const Dim &dim, ModuleOp module, int64_t otherwise) {
  if (dim.isStatic())
    return dim.getStatic();
  auto declared = module->getAttrOfType<DictionaryAttr>(WeftDialect::getDimsAttrName());
  if (!dim.isSymbolic() || !declared)
    return otherwise;
  SmallVector<std::optional<int64_t>> lower, upper;
  for (StringAttr name : dim.getSymbols()) {
    auto range = declared.getAs<DenseI64ArrayAttr>(name);
    bool isBounded = range && range.size() == 2 && range[1] >= 0;
    lower.push_back(isBounded ? range[0] : 0);
    upper.push_back(isBounded ? std::optional<int64_t>(range[1]) : std::nullopt);
  }
  std::optional<int64_t> most =
      getBoundForAffineExpr(dim.getExpr(), /*numDims=*/0, lower.size(), lower, upper, /*isUpper=*/true);
  return most ? std::min(*most, otherwise) : otherwise;
}

DType elementOf(Value value) { return toDType(getElementTypeOrSelf(value.getType())); }

class CallOutliner {
public:
  CallOutliner(host::CallOp call, SymbolTable &symbols)
      : call(call), symbols(symbols), b(call), operands(call.getOperands()) {}

  /// Replaces the call, if there are kernels for it.
  void run() {
    auto outline = llvm::StringSwitch<bool (CallOutliner::*)()>(call.getFunction())
                       .Case("sort", &CallOutliner::outlineSort)
                       .Case("top_k", &CallOutliner::outlineTopK)
                       .Case("non_zero", &CallOutliner::outlineNonZero)
                       .Cases({"cholesky", "lu", "triangular_solve"}, &CallOutliner::outlineFactor)
                       .Default(nullptr);
    if (outline)
      (this->*outline)();
  }

private:
  /// A launch of a kernel that is `function` of these operands.
  host::LaunchOp launch(StringRef function, ValueRange arguments, TypeRange results, DictionaryAttr config) {
    MLIRContext *context = b.getContext();
    Location loc = call.getLoc();
    OpBuilder inside(context);
    auto kernel = host::KernelOp::create(inside, loc, function,
                                         FunctionType::get(context, arguments.getTypes(), results));
    symbols.insert(kernel);
    Block *body = inside.createBlock(&kernel.getBody(), {}, arguments.getTypes(),
                                     SmallVector<Location>(arguments.size(), loc));
    auto copy = host::CallOp::create(inside, loc, results, function, body->getArguments(), config);
    host::ReturnOp::create(inside, loc, copy.getResults());
    return host::LaunchOp::create(b, loc, results, kernel.getSymName(), arguments);
  }

  void replace(host::LaunchOp launch) {
    call.replaceAllUsesWith(launch.getResults().take_front(call.getNumResults()));
    call.erase();
  }

  int64_t number(StringRef name) { return cast<IntegerAttr>(call.getConfig().get(name)).getInt(); }

  bool outlineSort() { return outlineOrder("sort", number("num_keys"), number("descending")); }
  bool outlineTopK() { return outlineOrder("top_k", 1, number("largest")); }

  bool outlineOrder(StringRef name, int64_t numKeys, bool descending) {
    if (!llvm::all_of(operands, [](Value value) { return gpu::isSortable(elementOf(value)); }))
      return false;
    NamedAttribute entries[] = {b.getNamedAttr("axis", call.getConfig().get("axis")),
                                b.getNamedAttr("descending", b.getI64IntegerAttr(descending)),
                                b.getNamedAttr("num_keys", b.getI64IntegerAttr(numKeys))};
    DictionaryAttr config = b.getDictionaryAttr(entries);
    ArrayRef<Value> keys = ArrayRef(operands).take_front(numKeys);
    int64_t longest = gpu::longestSortedRow(llvm::map_to_vector(keys, elementOf));
    Dim length = getDims(operands[0].getType())[number("axis")];
    if (length.isStatic() && length.getStatic() <= longest) {
      replace(launch(name, operands, call.getResultTypes(), config));
      return true;
    }
    // Positions have 31 bits. A merge is a launch, whether the row turns out to be so long or not.
    int64_t end = mostOf(length, call->getParentOfType<ModuleOp>(), int64_t(1) << 31);
    Type positions = withElementType(operands[0].getType(), b.getI32Type());
    Value order = launch("sort_runs", keys, positions, config).getResult(0);
    for (int64_t run = longest; run < end; run *= 2) {
      auto type = RankedTensorType::get({}, b.getI64Type());
      Value width = ConstantOp::create(b, call.getLoc(), type, DenseElementsAttr::get(type, run));
      SmallVector<Value> merged(keys);
      merged.append({order, width});
      order = launch("sort_merge", merged, positions, config).getResult(0);
    }
    SmallVector<Value> moved(operands);
    moved.push_back(order);
    replace(launch("sort_permute", moved, call.getResultTypes(), config));
    return true;
  }

  bool outlineNonZero() {
    if (isStorageType(elementOf(operands[0])))
      return false;
    DictionaryAttr none = b.getDictionaryAttr({});
    int64_t parts = gpu::partsOfNonZero(cast<RankedTensorType>(operands[0].getType()).getShape());
    auto counts = RankedTensorType::get({parts}, b.getI64Type());
    Value counted = launch("non_zero_count", operands, counts, none).getResult(0);
    auto write = launch("non_zero", {operands[0], counted}, call.getResultTypes(), none);
    write->setAttr(host::countsRowsAttrName, b.getUnitAttr());
    replace(write);
    return true;
  }

  bool outlineFactor() {
    Value last = operands.back();
    if (isStorageType(elementOf(last)))
      return false;
    SmallVector<Type> results(call.getResultTypes());
    results.push_back(withElementType(last.getType(), b.getF64Type())); // to work in
    replace(launch(call.getFunction(), operands, results, call.getConfig()));
    return true;
  }

  host::CallOp call;
  SymbolTable &symbols;
  OpBuilder b;
  SmallVector<Value> operands;
};

struct OutlineCalls : impl::OutlineCallsPassBase<OutlineCalls> {
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    SmallVector<host::CallOp> calls;
    getOperation().walk([&](host::CallOp call) {
      if (!call->getParentOfType<host::KernelOp>() && !call->hasAttr(host::customAttrName))
        calls.push_back(call);
    });
    for (host::CallOp call : calls)
      CallOutliner(call, symbols).run();
  }
};

} // namespace
} // namespace weft
