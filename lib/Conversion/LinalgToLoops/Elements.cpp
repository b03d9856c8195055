// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One element of a tensor value at given indices: follows the indices through the ops down to buffers,
// emitting the arithmetic on the way, or only noting what is touched. Elements are remembered per scope, so
// that a value read twice at one place is computed once.
#include "Kernel.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace weft::loops;

void KernelLowering::fail(Operation *op, const Twine &message) {
  if (!failed)
    op->emitOpError() << message;
  failed = true;
}

void KernelLowering::setPoint(Scope *scope) {
  if (!emitting)
    return;
  while (scope->sameBlock)
    scope = scope->sameBlock;
  if (scope->child)
    b.setInsertionPoint(scope->child);
  else if (!scope->block->empty() && scope->block->back().hasTrait<OpTrait::IsTerminator>())
    b.setInsertionPoint(&scope->block->back());
  else
    b.setInsertionPointToEnd(scope->block);
}

//===-- Extents and top-level scalars
//----------------------------------------------------------------------------===//

Expr KernelLowering::extentOf(Value tensor, int64_t dim) {
  auto type = cast<RankedTensorType>(tensor.getType());
  if (!type.isDynamicDim(dim))
    return Expr(type.getDimSize(dim));
  auto key = std::make_pair(tensor, dim);
  if (auto found = extents.find(key); found != extents.end())
    return found->second;
  Expr extent;
  Operation *op = tensor.getDefiningOp();
  if (!op) {
    // Bound on entry; an argument's extent is read from its buffer.
    auto [found, isNew] = argumentExtents.try_emplace(key, 0);
    if (isNew)
      found->second = table.newSymbol(0);
    extent = Expr::atom(found->second);
  } else if (auto empty = dyn_cast<tensor::EmptyOp>(op)) {
    extent = foldExpr(empty.getMixedSizes()[dim]);
  } else if (auto cast = dyn_cast<tensor::CastOp>(op)) {
    extent = extentOf(cast.getSource(), dim);
  } else if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op)) {
    extent = extentOf(linalgOp.getDpsInits()[mlir::cast<OpResult>(tensor).getResultNumber()], dim);
  } else if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op)) {
    llvm::SmallBitVector dropped = slice.getDroppedDims();
    SmallVector<OpFoldResult> sizes = slice.getMixedSizes();
    int64_t kept = 0;
    for (auto [i, size] : llvm::enumerate(sizes))
      if (!dropped.test(i) && kept++ == dim)
        extent = foldExpr(size);
  } else if (auto insert = dyn_cast<tensor::InsertSliceOp>(op)) {
    extent = extentOf(insert.getDest(), dim);
  } else if (auto pad = dyn_cast<tensor::PadOp>(op)) {
    extent = table.add(extentOf(pad.getSource(), dim),
                       table.add(foldExpr(pad.getMixedLowPad()[dim]), foldExpr(pad.getMixedHighPad()[dim])));
  } else if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op)) {
    extent = foldExpr(expand.getMixedOutputShape()[dim]);
  } else if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(op)) {
    extent = Expr(1);
    ReassociationIndices group = collapse.getReassociationIndices()[dim];
    for (int64_t i : group)
      extent = table.mul(extent, extentOf(collapse.getSrc(), i));
  } else if (auto loop = dyn_cast<scf::ForOp>(op)) {
    extent = extentOf(loop.getInitArgs()[mlir::cast<OpResult>(tensor).getResultNumber()], dim);
  } else {
    fail(op, "has a result of unknown extents, wanted extents that its operands tell");
  }
  extent = table.substitute(extent, sameExtents);
  extents[key] = extent;
  return extent;
}

void KernelLowering::unifyExtents() {
  bool changed = false;
  auto unify = [&](const Expr &first, const Expr &extent) {
    if (changed || first == extent)
      return;
    auto atom = extent.asAtom(), other = first.asAtom();
    if (atom && !table.dependsOn(first, *atom))
      sameExtents[*atom] = first;
    else if (other && !table.dependsOn(extent, *other))
      sameExtents[*other] = extent;
    else
      return;
    changed = true;
  };
  for (int round = 0; round < 64; ++round) {
    changed = false;
    func.walk([&](linalg::GenericOp generic) {
      SmallVector<std::optional<Expr>> known(generic.getNumLoops());
      for (OpOperand &operand : generic->getOpOperands())
        for (auto [i, e] : llvm::enumerate(generic.getMatchingIndexingMap(&operand).getResults())) {
          auto dim = dyn_cast<AffineDimExpr>(e);
          if (!dim || changed)
            continue;
          Expr extent = extentOf(operand.get(), i);
          std::optional<Expr> &first = known[dim.getPosition()];
          if (!first)
            first = extent;
          else
            unify(*first, extent);
        }
    });
    // What is inserted has the extents of its place.
    func.walk([&](tensor::InsertSliceOp insert) {
      SmallVector<OpFoldResult> sizes = insert.getMixedSizes();
      if (insert.getSourceType().getRank() != int64_t(sizes.size()))
        return;
      for (auto [i, size] : llvm::enumerate(sizes))
        unify(foldExpr(size), extentOf(insert.getSource(), i));
    });
    if (!changed)
      return;
    for (auto &[atom, expr] : sameExtents)
      expr = table.substitute(expr, sameExtents);
    extents.clear();
    scalarExprs.clear();
  }
}

SmallVector<Expr> KernelLowering::extentsOf(Value tensor) {
  SmallVector<Expr> all;
  for (int64_t i = 0, e = cast<RankedTensorType>(tensor.getType()).getRank(); i < e; ++i)
    all.push_back(extentOf(tensor, i));
  return all;
}

Expr KernelLowering::foldExpr(OpFoldResult value) {
  if (std::optional<int64_t> constant = getConstantIntValue(value))
    return Expr(*constant);
  return scalarExpr(cast<Value>(value));
}

Expr KernelLowering::scalarExpr(Value value) {
  if (std::optional<int64_t> constant = getConstantIntValue(value))
    return Expr(*constant);
  if (auto found = scalarExprs.find(value); found != scalarExprs.end())
    return found->second;
  Expr result;
  Operation *op = value.getDefiningOp();
  if (auto dim = dyn_cast_or_null<tensor::DimOp>(op); dim && dim.getConstantIndex()) {
    result = extentOf(dim.getSource(), *dim.getConstantIndex());
  } else if (auto add = dyn_cast_or_null<arith::AddIOp>(op)) {
    result = table.add(scalarExpr(add.getLhs()), scalarExpr(add.getRhs()));
  } else if (auto sub = dyn_cast_or_null<arith::SubIOp>(op)) {
    result = table.sub(scalarExpr(sub.getLhs()), scalarExpr(sub.getRhs()));
  } else if (auto mul = dyn_cast_or_null<arith::MulIOp>(op)) {
    result = table.mul(scalarExpr(mul.getLhs()), scalarExpr(mul.getRhs()));
  } else if (auto cast = dyn_cast_or_null<arith::IndexCastOp>(op);
             cast && (cast.getIn().getType().isInteger(64) || cast.getIn().getType().isIndex())) {
    result = scalarExpr(cast.getIn());
  } else if (auto extract = dyn_cast_or_null<tensor::ExtractOp>(op);
             extract && extract.getIndices().empty() &&
             extract.getTensor().getDefiningOp<tensor::FromElementsOp>()) {
    result = scalarExpr(extract.getTensor().getDefiningOp<tensor::FromElementsOp>().getOperand(0));
  } else {
    auto [found, isNew] = scalarSymbols.try_emplace(value, 0);
    if (isNew)
      found->second = table.newSymbol(std::nullopt, value);
    result = table.substitute(Expr::atom(found->second), sameExtents);
  }
  scalarExprs[value] = result;
  return result;
}

/// A scalar computed outside all bodies, once, on entry.
Value KernelLowering::entryScalar(Value value) {
  if (auto found = entryValues.find(value); found != entryValues.end())
    return found->second;
  Operation *op = value.getDefiningOp();
  if (!op) {
    fail(func, "has a scalar argument, wanted tensors only");
    return {};
  }
  Value result;
  if (auto dim = dyn_cast<tensor::DimOp>(op); dim && dim.getConstantIndex()) {
    result = materialise(extentOf(dim.getSource(), *dim.getConstantIndex()), entry);
  } else if (auto extract = dyn_cast<tensor::ExtractOp>(op)) {
    SmallVector<Expr> indices;
    for (Value index : extract.getIndices())
      indices.push_back(scalarExpr(index));
    if (emitting && readsStored(extract.getTensor())) {
      fail(op, "reads a value computed by the same kernel to steer it, wanted it as an operand");
      return {};
    }
    result = element(extract.getTensor(), indices, entry);
  } else {
    SmallVector<Value> operands;
    for (Value operand : op->getOperands()) {
      Value mapped = entryScalar(operand);
      if (emitting && !mapped)
        return {};
      operands.push_back(mapped);
    }
    if (!emitting)
      return {};
    if (op->getNumRegions() != 0 || op->getNumResults() != 1) {
      fail(op, "has no lowering outside a body");
      return {};
    }
    setPoint(entry);
    IRMapping mapping;
    mapping.map(op->getOperands(), operands);
    result = b.clone(*op, mapping)->getResult(0);
  }
  if (emitting)
    entryValues[value] = result;
  return result;
}

//===-- Index arithmetic
//-----------------------------------------------------------------------------------------===//

Expr KernelLowering::linearise(ArrayRef<Expr> indices, ArrayRef<Expr> shape) {
  Expr sum;
  for (auto [index, extent] : llvm::zip(indices, shape))
    sum = table.add(table.mul(sum, extent), index);
  return table.rejoin(sum);
}

SmallVector<Expr> KernelLowering::delinearise(Expr linear, ArrayRef<Expr> shape) {
  SmallVector<Expr> indices(shape.size());
  for (size_t i = shape.size(); i-- > 0;) {
    if (shape[i].is(1)) {
      indices[i] = Expr(0);
      continue;
    }
    bool leads = llvm::all_of(shape.take_front(i), [](const Expr &e) { return e.is(1); });
    if (leads) {
      indices[i] = linear;
      linear = Expr(0);
      continue;
    }
    indices[i] = table.mod(linear, shape[i]);
    linear = table.div(linear, shape[i]);
  }
  return indices;
}

Value KernelLowering::atomValue(AtomId id, Scope *scope) {
  Atom &atom = table[id];
  switch (atom.kind) {
  case Atom::Symbol:
    if (!atom.value) {
      if (!atom.source) {
        fail(func, "uses an index that is not in scope");
        return arith::ConstantIndexOp::create(b, func.getLoc(), 0);
      }
      Value source = atom.source;
      Value value = entryScalar(source);
      if (!value) {
        fail(func, "uses a scalar that cannot be computed on entry");
        return arith::ConstantIndexOp::create(b, func.getLoc(), 0);
      }
      setPoint(entry);
      if (!value.getType().isIndex())
        value = arith::IndexCastOp::create(b, value.getLoc(), b.getIndexType(), value);
      table[id].value = value;
    }
    return table[id].value;
  case Atom::Product: {
    Value product;
    for (AtomId factor : SmallVector<AtomId, 2>(atom.factors)) {
      Value value = atomValue(factor, scope);
      setPoint(scope);
      product = product ? binary<arith::MulIOp>(product, value) : value;
    }
    return product;
  }
  case Atom::Div:
  case Atom::Mod: {
    Expr numerator = atom.a, denominator = atom.b;
    bool quotient = atom.kind == Atom::Div;
    Value x = materialise(numerator, scope), y = materialise(denominator, scope);
    setPoint(scope);
    auto low = table.least(numerator);
    if (low && *low >= 0)
      return quotient ? binary<arith::DivUIOp>(x, y) : binary<arith::RemUIOp>(x, y);
    Value floor = binary<arith::FloorDivSIOp>(x, y);
    if (quotient)
      return floor;
    return binary<arith::SubIOp>(x, binary<arith::MulIOp>(floor, y));
  }
  }
  llvm_unreachable("all kinds are handled");
}

/// The outermost scope at or above `from` in which all symbols of the expressions are defined.
static Scope *hoist(ExprTable &table, ArrayRef<Expr> exprs, Scope *from, Scope *limit) {
  auto definedAbove = [&](Scope *scope) {
    // Whether every symbol is defined in `scope` or around it.
    bool all = true;
    for (const Expr &e : exprs)
      table.forEachSymbol(e, [&](AtomId id) {
        Scope *home = table[id].scope;
        if (!home)
          return;
        bool found = false;
        for (Scope *s = scope; s; s = s->parent)
          found |= s == home;
        all &= found;
      });
    return all;
  };
  while (from != limit && from->parent && !from->isCondition && definedAbove(from->parent))
    from = from->parent;
  return from;
}

Value KernelLowering::materialise(const Expr &e, Scope *scope) {
  if (!emitting)
    return {};
  scope = hoist(table, e, scope, nullptr);
  for (Scope *s = scope; s; s = s->parent)
    if (auto found = s->indices.find(e); found != s->indices.end())
      return found->second;
  Location loc = func.getLoc();
  Value sum;
  for (auto [id, k] : e.terms) {
    Value value = atomValue(id, scope);
    setPoint(scope);
    if (k != 1)
      value = binary<arith::MulIOp>(value, arith::ConstantIndexOp::create(b, loc, k));
    sum = sum ? binary<arith::AddIOp>(sum, value) : value;
  }
  setPoint(scope);
  if (!sum || e.constant != 0) {
    Value constant = arith::ConstantIndexOp::create(b, loc, e.constant);
    sum = sum ? binary<arith::AddIOp>(sum, constant) : constant;
  }
  scope->indices[e] = sum;
  return sum;
}

//===-- Elements
//-------------------------------------------------------------------------------------------------===//

bool KernelLowering::readsStored(Value tensor) {
  if (storedValues.count(tensor))
    return true;
  if (auto found = storedBelow.find(tensor); found != storedBelow.end())
    return found->second;
  bool any = false;
  if (Operation *op = tensor.getDefiningOp()) {
    SmallVector<Value> operands(op->getOperands());
    op->walk([&](Operation *nested) { llvm::append_range(operands, nested->getOperands()); });
    for (Value operand : operands)
      if (isa<RankedTensorType>(operand.getType()) && operand != tensor)
        any |= readsStored(operand);
  }
  storedBelow[tensor] = any;
  return any;
}

Value KernelLowering::element(Value tensor, ArrayRef<Expr> indices, Scope *scope) {
  if (failed)
    return {};
  std::pair<void *, std::vector<Expr>> key(tensor.getAsOpaquePointer(),
                                           std::vector<Expr>(indices.begin(), indices.end()));
  if (!emitting) {
    if (entry->elements.count(key))
      return {};
    entry->elements[key] = Value();
    readers[tensor].insert(current);
    return emitElement(tensor, indices, scope);
  }
  // A value read from the stages of this row cannot be computed above the row.
  scope = hoist(table, indices, scope, readsStored(tensor) ? row : nullptr);
  for (Scope *s = scope; s; s = s->parent)
    if (auto found = s->elements.find(key); found != s->elements.end())
      return found->second;
  Value value = emitElement(tensor, indices, scope);
  scope->elements[key] = value;
  return value;
}

Value KernelLowering::inRange(const Expr &e, const Expr &extent, Scope *scope, bool &never) {
  auto low = table.least(e), high = table.greatest(e), top = table.least(extent),
       bottom = table.greatest(extent);
  never = (high && *high < 0) || (low && bottom && *low >= *bottom);
  if (current && !emitting)
    current->touched.push_back(e);
  bool aboveLow = low && *low >= 0, belowHigh = high && top && *high < *top;
  if ((aboveLow && belowHigh) || !emitting)
    return {};
  Value x = materialise(e, scope);
  Value limit = materialise(extent, scope);
  setPoint(scope);
  Location loc = func.getLoc();
  if (belowHigh)
    return binary<arith::CmpIOp>(x, arith::ConstantIndexOp::create(b, loc, 0), arith::CmpIPredicate::sge);
  // One unsigned comparison holds both: a negative number is a large one.
  return binary<arith::CmpIOp>(x, limit, aboveLow ? arith::CmpIPredicate::slt : arith::CmpIPredicate::ult);
}

Value KernelLowering::conditional(Type type, Value condition, Scope *scope,
                                  llvm::function_ref<Value(Scope *)> then,
                                  llvm::function_ref<Value(Scope *)> otherwise) {
  if (!emitting) {
    then(scope);
    otherwise(scope);
    return {};
  }
  setPoint(scope);
  auto choice = scf::IfOp::create(b, func.getLoc(), type, condition, /*withElseRegion=*/true);
  Operation *outerChild = scope->child;
  scope->child = choice;
  auto fill = [&](Block *block, llvm::function_ref<Value(Scope *)> arm) {
    Scope &inner = scopes.emplace_back();
    inner.parent = scope;
    inner.isCondition = true;
    inner.block = block;
    Value value = arm(&inner);
    if (!value) {
      fail(func, "has a branch without a value");
      return;
    }
    b.setInsertionPointToEnd(block);
    scf::YieldOp::create(b, func.getLoc(), value);
  };
  fill(choice.thenBlock(), then);
  fill(choice.elseBlock(), otherwise);
  scope->child = outerChild;
  return choice.getResult(0);
}

void KernelLowering::guarded(Value condition, Scope *scope, llvm::function_ref<void(Scope *)> body) {
  setPoint(scope);
  auto choice = scf::IfOp::create(b, func.getLoc(), TypeRange(), condition, /*withElseRegion=*/false);
  Operation *outerChild = scope->child;
  scope->child = choice;
  Scope &inner = scopes.emplace_back();
  inner.parent = scope;
  inner.isCondition = true;
  inner.block = choice.thenBlock();
  body(&inner);
  scope->child = outerChild;
}

Value KernelLowering::constantElement(arith::ConstantOp op, ArrayRef<Expr> indices, Scope *scope) {
  auto elements = dyn_cast<DenseElementsAttr>(op.getValue());
  if (!elements) {
    fail(op, "is no dense constant");
    return {};
  }
  if (!emitting)
    return {};
  Location loc = op.getLoc();
  setPoint(scope);
  if (elements.isSplat())
    return arith::ConstantOp::create(b, loc, cast<TypedAttr>(elements.getSplatValue<Attribute>()));
  Expr address = linearise(indices, extentsOf(op.getResult()));
  if (address.isConstant() && address.constant >= 0 && address.constant < elements.getNumElements())
    return arith::ConstantOp::create(b, loc,
                                     cast<TypedAttr>(elements.getValues<Attribute>()[address.constant]));
  // The table becomes read-only data of the module.
  Value &view = entryValues[op.getResult()];
  if (!view) {
    auto type = MemRefType::get({elements.getNumElements()}, elements.getElementType());
    auto flat =
        elements.reshape(RankedTensorType::get({elements.getNumElements()}, elements.getElementType()));
    std::string name = (kernel.getSymName() + "_table" + Twine(numConstants++)).str();
    OpBuilder outside(kernel);
    memref::GlobalOp::create(outside, loc, name, outside.getStringAttr("private"), type, flat,
                             /*constant=*/true, IntegerAttr());
    setPoint(entry);
    view = memref::GetGlobalOp::create(b, loc, type, name);
  }
  return loadAt(view, address, scope);
}

Value KernelLowering::loadAt(Value memory, const Expr &address, Scope *scope) {
  Value at = materialise(address, scope);
  setPoint(scope);
  return memref::LoadOp::create(b, func.getLoc(), memory, at);
}

void KernelLowering::storeAt(Value memory, const Expr &address, Value value, Scope *scope) {
  Value at = materialise(address, scope);
  setPoint(scope);
  memref::StoreOp::create(b, kernel.getLoc(), value, memory, at);
}

Value KernelLowering::load(Storage &storage, ArrayRef<Expr> indices, Scope *scope) {
  Expr address = addressOf(storage, indices);
  if (!emitting) {
    if (current) {
      current->reads.push_back({&storage, SmallVector<Expr>(indices)});
      current->touched.push_back(address);
      current->loads.push_back(address);
    }
    return {};
  }
  if (storage.isScalar && storage.scalar)
    return storage.scalar;
  return loadAt(storage.memref, address, scope);
}

Value KernelLowering::emitElement(Value tensor, ArrayRef<Expr> indices, Scope *scope, bool compute) {
  if (auto found = storedValues.find(tensor); found != storedValues.end() && !compute)
    return load(*found->second, indices, scope);
  Operation *op = tensor.getDefiningOp();
  if (!op) {
    auto argument = cast<BlockArgument>(tensor);
    if (argument.getOwner() != &func.getBody().front()) {
      fail(func, "reads the carried value of a loop outside it");
      return {};
    }
    Expr address = linearise(indices, extentsOf(tensor));
    if (!emitting) {
      if (current) {
        current->touched.push_back(address);
        current->loads.push_back(address);
      }
      return {};
    }
    return loadAt(buffer(argument.getArgNumber()), address, scope);
  }
  Location loc = op->getLoc();
  Type elementType = cast<RankedTensorType>(tensor.getType()).getElementType();
  if (auto constant = dyn_cast<arith::ConstantOp>(op))
    return constantElement(constant, indices, scope);
  if (isa<tensor::EmptyOp>(op)) {
    if (!emitting)
      return {};
    setPoint(scope);
    return arith::ConstantOp::create(b, loc, b.getZeroAttr(elementType));
  }
  if (auto fill = dyn_cast<linalg::FillOp>(op))
    return entryScalar(fill.getInputs()[0]);
  if (auto cast = dyn_cast<tensor::CastOp>(op))
    return element(cast.getSource(), indices, scope);
  if (auto elements = dyn_cast<tensor::FromElementsOp>(op)) {
    Expr address = linearise(indices, extentsOf(tensor));
    if (!address.isConstant()) {
      fail(op, "is read at an index known only when running");
      return {};
    }
    return entryScalar(elements.getElements()[address.constant]);
  }
  if (auto generic = dyn_cast<linalg::GenericOp>(op)) {
    unsigned result = cast<OpResult>(tensor).getResultNumber();
    Frame frame;
    frame.root = generic;
    frame.dims.resize(generic.getNumLoops());
    AffineMap map = generic.getIndexingMapMatchingResult(cast<OpResult>(tensor));
    for (auto [i, expr] : llvm::enumerate(map.getResults())) {
      auto dim = dyn_cast<AffineDimExpr>(expr);
      if (!dim) {
        fail(op, "writes its result at computed indices");
        return {};
      }
      frame.dims[dim.getPosition()] = indices[i];
    }
    return bodyValue(generic.getBlock()->getTerminator()->getOperand(result), frame, scope);
  }
  if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op)) {
    llvm::SmallBitVector dropped = slice.getDroppedDims();
    SmallVector<Expr> inner;
    size_t next = 0;
    for (auto [i, offset, stride] : llvm::enumerate(slice.getMixedOffsets(), slice.getMixedStrides())) {
      Expr index = dropped.test(i) ? Expr(0) : indices[next++];
      inner.push_back(table.add(table.mul(index, foldExpr(stride)), foldExpr(offset)));
    }
    return element(slice.getSource(), inner, scope);
  }
  if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op)) {
    SmallVector<Expr> inner, shape = extentsOf(tensor);
    for (ReassociationIndices group : expand.getReassociationIndices()) {
      SmallVector<Expr> parts, sizes;
      for (int64_t i : group) {
        parts.push_back(indices[i]);
        sizes.push_back(shape[i]);
      }
      inner.push_back(linearise(parts, sizes));
    }
    return element(expand.getSrc(), inner, scope);
  }
  if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(op)) {
    SmallVector<Expr> shape = extentsOf(collapse.getSrc()), inner(shape.size(), Expr(0));
    for (auto [k, group] : llvm::enumerate(collapse.getReassociationIndices())) {
      SmallVector<Expr> sizes;
      for (int64_t i : group)
        sizes.push_back(shape[i]);
      for (auto [i, part] : llvm::zip(group, delinearise(indices[k], sizes)))
        inner[i] = part;
    }
    return element(collapse.getSrc(), inner, scope);
  }
  if (auto pad = dyn_cast<tensor::PadOp>(op)) {
    SmallVector<Expr> inner;
    Value inside;
    bool never = false;
    for (auto [i, low] : llvm::enumerate(pad.getMixedLowPad())) {
      inner.push_back(table.sub(indices[i], foldExpr(low)));
      if (pad.getStaticLow()[i] == 0 && pad.getStaticHigh()[i] == 0)
        continue;
      bool here = false;
      Value ok = inRange(inner.back(), extentOf(pad.getSource(), i), scope, here);
      never |= here;
      setPoint(scope);
      if (ok)
        inside = inside ? binary<arith::AndIOp>(inside, ok) : ok;
    }
    auto padding = [&](Scope *at) -> Value { return entryScalar(pad.getConstantPaddingValue()); };
    if (!pad.getConstantPaddingValue()) {
      fail(op, "pads with values that vary");
      return {};
    }
    if (never)
      return padding(scope);
    if (emitting && !inside)
      return element(pad.getSource(), inner, scope);
    return conditional(
        elementType, inside, scope, [&](Scope *at) { return element(pad.getSource(), inner, at); }, padding);
  }
  if (auto insert = dyn_cast<tensor::InsertSliceOp>(op)) {
    llvm::SmallBitVector dropped = insert.getDroppedDims();
    SmallVector<Expr> inner;
    Value inside;
    bool never = false;
    for (auto [i, offset, size, stride] :
         llvm::enumerate(insert.getMixedOffsets(), insert.getMixedSizes(), insert.getMixedStrides())) {
      Expr local = table.sub(indices[i], foldExpr(offset));
      std::optional<int64_t> step = getConstantIntValue(stride);
      if (!step || *step != 1) {
        fail(op, "inserts with a stride, wanted 1");
        return {};
      }
      Expr extent = foldExpr(size);
      if (!(foldExpr(offset).is(0) && extent == extentOf(tensor, i))) {
        bool here = false;
        Value ok = inRange(local, extent, scope, here);
        never |= here;
        setPoint(scope);
        if (ok)
          inside = inside ? binary<arith::AndIOp>(inside, ok) : ok;
      }
      if (!dropped.test(i))
        inner.push_back(local);
    }
    if (never)
      return element(insert.getDest(), indices, scope);
    if (emitting && !inside)
      return element(insert.getSource(), inner, scope);
    return conditional(
        elementType, inside, scope, [&](Scope *at) { return element(insert.getSource(), inner, at); },
        [&](Scope *at) { return element(insert.getDest(), indices, at); });
  }
  fail(op, "has no element-wise reading");
  return {};
}

//===-- Bodies
//---------------------------------------------------------------------------------------------------===//

Expr KernelLowering::indexExpr(Value value, Frame &frame, Scope *scope) {
  if (std::optional<int64_t> constant = getConstantIntValue(value))
    return Expr(*constant);
  if (auto found = frame.exprs.find(value); found != frame.exprs.end())
    return found->second;
  Operation *op = value.getDefiningOp();
  bool outside = !frame.root->isAncestor(op ? op : cast<BlockArgument>(value).getOwner()->getParentOp());
  if (outside)
    return scalarExpr(value);
  Expr result;
  auto range = [&](const Expr &e) { return table.least(e).value_or(-1); };
  if (auto index = dyn_cast_or_null<linalg::IndexOp>(op)) {
    result = frame.dims[index.getDim()];
  } else if (auto add = dyn_cast_or_null<arith::AddIOp>(op); add && value.getType().isIndex()) {
    result = table.add(indexExpr(add.getLhs(), frame, scope), indexExpr(add.getRhs(), frame, scope));
  } else if (auto sub = dyn_cast_or_null<arith::SubIOp>(op); sub && value.getType().isIndex()) {
    result = table.sub(indexExpr(sub.getLhs(), frame, scope), indexExpr(sub.getRhs(), frame, scope));
  } else if (auto mul = dyn_cast_or_null<arith::MulIOp>(op); mul && value.getType().isIndex()) {
    result = table.mul(indexExpr(mul.getLhs(), frame, scope), indexExpr(mul.getRhs(), frame, scope));
  } else if (op && isa<arith::DivUIOp, arith::DivSIOp, arith::RemSIOp, arith::RemUIOp>(op) &&
             value.getType().isIndex()) {
    Expr x = indexExpr(op->getOperand(0), frame, scope), y = indexExpr(op->getOperand(1), frame, scope);
    if (y.isConstant() && y.constant > 0 && range(x) >= 0)
      result = isa<arith::DivUIOp, arith::DivSIOp>(op) ? table.div(x, y) : table.mod(x, y);
    else
      op = nullptr;
  } else {
    op = nullptr;
  }
  if (!op) {
    // Computed: a symbol of this place.
    Value computed = bodyValue(value, frame, scope);
    AtomId id = table.newSymbol(std::nullopt);
    table[id].value = computed;
    table[id].scope = scope;
    result = Expr::atom(id);
  }
  frame.exprs[value] = result;
  return result;
}

Value KernelLowering::bodyValue(Value value, Frame &frame, Scope *scope) {
  if (failed)
    return {};
  if (auto found = frame.values.find(value); found != frame.values.end())
    return found->second;
  Value result;
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    auto generic = dyn_cast<linalg::GenericOp>(frame.root);
    if (!generic || argument.getOwner() != generic.getBlock()) {
      if (emitting)
        fail(func, "uses an argument that has no value here");
      return {};
    }
    int64_t number = argument.getArgNumber();
    if (number >= generic.getNumDpsInputs() &&
        number - generic.getNumDpsInputs() < int64_t(frame.accumulators.size())) {
      result = frame.accumulators[number - generic.getNumDpsInputs()];
    } else {
      OpOperand *operand = generic.getMatchingOpOperand(argument);
      if (!isa<RankedTensorType>(operand->get().getType())) {
        result = entryScalar(operand->get());
      } else {
        SmallVector<Expr> indices;
        for (AffineExpr e : generic.getMatchingIndexingMap(operand).getResults()) {
          // Maps are sums of dimensions with constant factors.
          std::function<Expr(AffineExpr)> convert = [&](AffineExpr expr) -> Expr {
            if (auto dim = dyn_cast<AffineDimExpr>(expr))
              return frame.dims[dim.getPosition()];
            if (auto constant = dyn_cast<AffineConstantExpr>(expr))
              return Expr(constant.getValue());
            auto binary = cast<AffineBinaryOpExpr>(expr);
            Expr x = convert(binary.getLHS()), y = convert(binary.getRHS());
            switch (binary.getKind()) {
            case AffineExprKind::Add:
              return table.add(x, y);
            case AffineExprKind::Mul:
              return table.mul(x, y);
            case AffineExprKind::FloorDiv:
              return table.div(x, y);
            default:
              return table.mod(x, y);
            }
          };
          indices.push_back(convert(e));
        }
        result = element(operand->get(), indices, scope);
      }
    }
  } else {
    Operation *op = value.getDefiningOp();
    if (!frame.root->isAncestor(op)) {
      result = entryScalar(value);
    } else if (isa<linalg::IndexOp>(op)) {
      Expr e = indexExpr(value, frame, scope);
      if (current && !emitting)
        current->touched.push_back(e);
      result = materialise(e, scope);
    } else if (auto extract = dyn_cast<tensor::ExtractOp>(op)) {
      SmallVector<Expr> indices;
      for (Value index : extract.getIndices())
        indices.push_back(indexExpr(index, frame, scope));
      result = element(extract.getTensor(), indices, scope);
    } else {
      result = clone(op, frame, scope);
      return op->getNumResults() == 1 ? result : frame.values[value];
    }
  }
  frame.values[value] = result;
  return result;
}

/// Copies an op of a body, its operands first; regions are copied op by op.
Value KernelLowering::clone(Operation *op, Frame &frame, Scope *scope) {
  if (auto choice = dyn_cast<scf::IfOp>(op); choice && choice->getNumResults() == 1) {
    Value condition = bodyValue(choice.getCondition(), frame, scope);
    auto arm = [&](Block *block) {
      return [&, block](Scope *inner) {
        Frame local = frame; // what an arm computes is not seen outside it
        return bodyValue(block->getTerminator()->getOperand(0), local, inner);
      };
    };
    Value result = conditional(choice.getResult(0).getType(), condition, scope, arm(choice.thenBlock()),
                               arm(choice.elseBlock()));
    frame.values[choice.getResult(0)] = result;
    return result;
  }
  SmallVector<Value> operands;
  for (Value operand : op->getOperands()) {
    Value mapped = bodyValue(operand, frame, scope);
    if (emitting && !mapped)
      return {};
    operands.push_back(mapped);
  }
  if (!emitting) {
    for (Region &region : op->getRegions())
      region.walk([&](Operation *nested) {
        for (Value operand : nested->getOperands())
          if (!region.isAncestor(operand.getParentRegion()))
            bodyValue(operand, frame, scope);
      });
    for (Value result : op->getResults())
      frame.values[result] = Value();
    return {};
  }
  // A 16-bit float that was only just rounded stays wide.
  if (auto extend = dyn_cast<arith::ExtFOp>(op))
    if (auto narrow = operands[0].getDefiningOp<arith::TruncFOp>();
        narrow && getElementTypeOrSelf(narrow.getIn().getType()) == extend.getType()) {
      frame.values[extend.getResult()] = narrow.getIn();
      return narrow.getIn();
    }
  IRMapping mapping;
  for (auto [from, to] : llvm::zip(op->getOperands(), operands))
    mapping.map(from, to);
  for (Region &region : op->getRegions())
    region.walk([&](Operation *nested) {
      for (Value operand : nested->getOperands())
        if (!region.isAncestor(operand.getParentRegion()) && !mapping.contains(operand))
          mapping.map(operand, bodyValue(operand, frame, scope));
    });
  setPoint(scope);
  SmallVector<Value> results = cloneMapped(op, mapping);
  for (auto [from, to] : llvm::zip(op->getResults(), results))
    frame.values[from] = to;
  return results.empty() ? Value() : results.front();
}

SmallVector<Value> KernelLowering::cloneMapped(Operation *op, IRMapping &mapping) {
  return b.clone(*op, mapping)->getResults();
}
