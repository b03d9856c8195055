// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The lowering of one tensor function to loops: its stages, and the evaluation of elements.
//
// A stage is what is stored: a result, a reduction, or a costly value that several stages read. Everything
// else is computed where it is read, one element at a time, by following indices through the ops (element()).
// The same walk runs first without emitting, to learn which addresses a stage touches. Loops that all stages
// have in common run outside; of these one may be the vector loop, which runs innermost in every stage over a
// block.
#ifndef WEFT_LIB_CONVERSION_LINALGTOLOOPS_KERNEL_H
#define WEFT_LIB_CONVERSION_LINALGTOLOOPS_KERNEL_H

#include "Expr.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "weft/Codegen/CPU/ChunkCount.h"
#include "llvm/ADT/SetVector.h"
#include <map>

namespace weft::loops {
using namespace mlir;

/// A place where code is emitted: a loop body or an arm of a condition. Code is put before the loop that is
/// being filled, so that what does not depend on a loop stands outside it.
struct Scope {
  Scope *parent = nullptr;
  bool isCondition = false; ///< nothing moves out of an arm
  Block *block = nullptr;
  Operation *child = nullptr; ///< the loop being filled
  Scope *sameBlock = nullptr; ///< tiles: its code lies in this scope's block, among its code
  Value mask;                 ///< tiles: the elements for which code here has a meaning; null: as around it
  bool finelyMasked = false;  ///< tiles: whether the mask tells neighbours of one access apart
  std::map<std::pair<void *, std::vector<Expr>>, Value> elements;
  std::map<Expr, Value> indices;
};

/// A loop of a stage.
struct Loop {
  AtomId atom = 0;
  Expr extent;
  bool reduced = false;
  int64_t base = 0;   ///< dimension of the stage's iteration space that this is (a part of)
  int64_t factor = 1; ///< base index = sum of loop * factor
  int shared = -1;    ///< the shared loop it is, or -1
};

/// Where a stage's values go.
struct Storage {
  Value tensor;              ///< the value stored; null for a part of a result
  int buffer = -1;           ///< a buffer argument, or -1: temporary
  SmallVector<Expr> shape;   ///< of the buffer, as the tensor sees it
  SmallVector<Expr> offsets; ///< for parts: where element 0 goes; empty: all 0
  Value memref;              ///< bound while emitting: one-dimensional view
  Value scalar;              ///< a reduction without private loops: its value in the current iteration
  bool isScalar = false;
};

/// A stage reading what another stage stores.
struct Read {
  Storage *storage;
  SmallVector<Expr> indices;
};

struct Stage {
  enum Kind { Map, Reduce, Sequence } kind = Map;
  Value source;            ///< Map: the tensor whose elements are stored
  Operation *op = nullptr; ///< Reduce: linalg.generic; Sequence: scf.for
  SmallVector<Expr> dims;  ///< the iteration space in terms of the loops
  SmallVector<Loop> loops;
  SmallVector<Storage *> targets; ///< Map, Sequence: one; Reduce: per result, null if unused
  /// Reduce: whether a result is carried through the reduced loops (else stored in each iteration).
  SmallVector<bool> carried;
  SmallVector<Loop> layout;   ///< the loops as temporaries are laid out, before merging
  SmallVector<Stage *> after; ///< stages that write the same buffer before this one
  SmallVector<Read> reads;
  std::vector<Expr> touched; ///< linear addresses and conditions, by the analysis
  std::vector<Expr> loads;   ///< of these, loads of buffers
};

/// The body of an op being evaluated at one point of its iteration space.
struct Frame {
  Operation *root = nullptr;
  SmallVector<Expr> dims;
  llvm::DenseMap<Value, Value> values;
  llvm::DenseMap<Value, Expr> exprs;
  SmallVector<Value> accumulators; ///< per output, of a reduction
};

/// Moves conditions that do not change in an innermost loop out of it: a loop for each case.
void unswitchLoops(func::FuncOp kernel);

/// Values are scalars here. LinalgToTile derives from it: there a value may be a tile, which holds the values
/// of many iterations of the shared loops or of an innermost loop.
class KernelLowering {
public:
  explicit KernelLowering(func::FuncOp func) : func(func), b(func.getContext()) {}
  virtual ~KernelLowering() = default;
  FailureOr<cpu::ChunkCount> run();

protected:
  LogicalResult checkSignature();
  /// Stages and their loops, up to what is shared; success with no stages when nothing is to be done.
  LogicalResult findStages(bool storeCostly);

  // Stages.cpp: what is stored.
  void findResults();
  void addResult(Value value, int buffer, ArrayRef<Expr> shape, ArrayRef<Expr> offsets);
  /// Whether one stage's stores come before the next one's, so that parts may be stored over each other.
  virtual bool storesInOrder() const { return true; }
  bool isMadeOfParts(tensor::InsertSliceOp last);
  Stage &addStored(Value value, Storage *storage);
  Storage &newStorage(Value tensor, int buffer);
  void setIterationSpace(Stage &stage, ArrayRef<Expr> extents, ArrayRef<bool> reduced);
  void rebuildDims(Stage &stage);
  void requireStored(Value tensor, llvm::DenseSet<Value> &seen);
  static bool mustBeStored(Value tensor);
  bool isCostly(Value tensor);
  void storeCostlyValues();
  void analyse(Stage &stage);
  void analyseAll();
  void orderStages();

  // Schedule.cpp: which loops are shared, merged, vectorised.
  void splitLoops();
  double shareLoops(bool apply);
  Expr loopIndex(const Stage &producer, const Loop &loop, ArrayRef<Expr> base);
  SmallVector<Expr> baseIndices(const Stage &producer, const Storage &storage, ArrayRef<Expr> indices);
  void chooseVectorLoop();
  void mergeLoops();

  // Elements.cpp: values at indices, and extents.
  Value element(Value tensor, ArrayRef<Expr> indices, Scope *scope);
  /// `compute`: even if the tensor is stored.
  Value emitElement(Value tensor, ArrayRef<Expr> indices, Scope *scope, bool compute = false);
  Value bodyValue(Value value, Frame &frame, Scope *scope);
  Value clone(Operation *op, Frame &frame, Scope *scope);
  /// Copies an op whose operands are in the mapping.
  virtual SmallVector<Value> cloneMapped(Operation *op, IRMapping &mapping);
  /// A value of `type` that is computed only where it is read.
  virtual Value conditional(Type type, Value condition, Scope *scope, llvm::function_ref<Value(Scope *)> then,
                            llvm::function_ref<Value(Scope *)> otherwise);
  /// Code that runs only where the condition holds.
  virtual void guarded(Value condition, Scope *scope, llvm::function_ref<void(Scope *)> body);
  /// Brings values to one type before an op on all of them.
  virtual void unify(MutableArrayRef<Value> values) {}
  /// A value in the type that loops carry it in.
  virtual Value asCarried(Value value) { return value; }
  template <typename Op, typename... Args> Value binary(Value x, Value y, Args... before) {
    Value operands[] = {x, y};
    unify(operands);
    return Op::create(b, func.getLoc(), before..., operands[0], operands[1]);
  }
  virtual Value loadAt(Value memory, const Expr &address, Scope *scope);
  virtual void storeAt(Value memory, const Expr &address, Value value, Scope *scope);
  Expr indexExpr(Value value, Frame &frame, Scope *scope);
  virtual Value load(Storage &storage, ArrayRef<Expr> indices, Scope *scope);
  Value constantElement(arith::ConstantOp op, ArrayRef<Expr> indices, Scope *scope);
  Value inRange(const Expr &e, const Expr &extent, Scope *scope, bool &never);
  Expr extentOf(Value tensor, int64_t dim);
  /// Makes extents that one loop runs over one expression, so that reshapes of them cancel.
  void unifyExtents();
  SmallVector<Expr> extentsOf(Value tensor);
  Expr scalarExpr(Value value);
  Expr foldExpr(OpFoldResult value);
  Value entryScalar(Value value);
  Value materialise(const Expr &e, Scope *scope);
  Value atomValue(AtomId id, Scope *scope);
  Expr linearise(ArrayRef<Expr> indices, ArrayRef<Expr> extents);
  SmallVector<Expr> delinearise(Expr linear, ArrayRef<Expr> extents);
  bool readsStored(Value tensor);
  void setPoint(Scope *scope);
  void fail(Operation *op, const Twine &message);

  // Emit.cpp: loops.
  LogicalResult emitKernel();
  void createKernel();
  LogicalResult placeTemporaries();
  void emitStages(Scope *scope);
  virtual void emitMaps(ArrayRef<Stage *> maps, Scope *scope);
  virtual void emitReduction(Stage &stage, Scope *scope);
  void emitSequence(Stage &stage, Scope *scope);
  void emitSequenceBlock(Block &block, Frame &frame, Storage &target, Scope *scope);
  /// A loop from `low` to `high`; the body returns what is carried on.
  SmallVector<Value> emitLoop(Value low, Value high, Scope *scope, ValueRange carried,
                              llvm::function_ref<SmallVector<Value>(Scope *, Value, ValueRange)> body,
                              Value step = {});
  void emitNest(ArrayRef<Loop> nest, Scope *scope, llvm::function_ref<void(Scope *)> body);
  SmallVector<Value> emitReduced(ArrayRef<Loop> nest, Scope *scope, ValueRange carried,
                                 llvm::function_ref<SmallVector<Value>(Scope *, ValueRange)> body);
  void emitVectorLoop(Scope *scope, llvm::function_ref<void(Scope *)> body);
  void storeValue(Storage &storage, ArrayRef<Expr> indices, Value value, Scope *scope);
  Expr addressOf(const Storage &storage, ArrayRef<Expr> indices);
  SmallVector<Expr> targetIndices(const Stage &stage, unsigned result);
  virtual Value buffer(int index);

  func::FuncOp func;
  OpBuilder b;
  func::FuncOp kernel;
  ExprTable table;
  bool emitting = false;
  bool failed = false;
  Stage *current = nullptr; ///< being analysed

  std::deque<Stage> stages;
  std::deque<Storage> storages;
  std::deque<Scope> scopes;
  SmallVector<Stage *> order;
  llvm::MapVector<Value, Storage *> storedValues;
  llvm::DenseMap<Value, Stage *> producers;
  /// Values the current walk has met, per stage: who reads what without storing.
  llvm::DenseMap<Value, llvm::SetVector<Stage *>> readers;
  llvm::DenseMap<Value, bool> storedBelow;
  llvm::DenseMap<std::pair<Value, int64_t>, Expr> extents;
  llvm::DenseMap<Value, Expr> scalarExprs;
  llvm::DenseMap<std::pair<Value, int64_t>, AtomId> argumentExtents;
  llvm::DenseMap<Value, AtomId> scalarSymbols;
  llvm::DenseMap<AtomId, Expr> sameExtents; ///< extents known to be equal to another expression
  llvm::DenseMap<Value, Value> entryValues;

  struct Shared {
    AtomId atom = 0;
    Expr extent; ///< = lead * inner
    Expr lead;   ///< outermost extent merged into this loop
    int64_t inner = 1;
  };
  SmallVector<Shared> shared;
  int vector = -1;         ///< index into `shared` of the vector loop
  int64_t vectorBlock = 0; ///< elements of it that temporaries hold
  AtomId vectorLocal = 0;  ///< loop variable inside the block
  Value vectorStart, vectorLength;
  Scope *entry = nullptr, *row = nullptr;
  SmallVector<Value> views;
  cpu::ChunkCount chunks;
  unsigned numConstants = 0;
};

} // namespace weft::loops

#endif // WEFT_LIB_CONVERSION_LINALGTOLOOPS_KERNEL_H
