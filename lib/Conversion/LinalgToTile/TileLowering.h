// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The lowering of one tensor function to a kernel of the tile dialect. Stages and the walk through elements
// are those of LinalgToLoops; here a value may be a tile of rows x columns.
//
// Rows are points of the loops that all stages share, as many at once as a tile holds. Columns are one of two
// things. Along contiguous rows each thread takes a few neighbours of the last shared loop (Threads): then
// all else runs serially in each thread, as it does in the loops of a CPU. Or the columns are the innermost
// loop of every stage, spread over lanes and warps (Lanes): then reductions end in tile.reduce, and where one
// tile holds a whole row, what the stages have in common is loaded and computed once.
#ifndef WEFT_LIB_CONVERSION_LINALGTOTILE_TILELOWERING_H
#define WEFT_LIB_CONVERSION_LINALGTOTILE_TILELOWERING_H

#include "Kernel.h"
#include "weft/Conversion/LinalgToTile.h"
#include "weft/Dialect/Tile/TileDialect.h"

namespace weft::loops {

/// The tiles that code is emitted on: their shape, and which threads hold what.
struct Space {
  int64_t rows = 1, columns = 1;    ///< of a tile
  int64_t groupLength = 1;          ///< neighbours that a thread accesses together
  std::optional<AtomId> columnAtom; ///< the loop that neighbouring columns are points of
  Attribute layout, rowLayout, columnLayout;
};

class TileLowering : public KernelLowering, private Space {
public:
  using KernelLowering::KernelLowering;
  FailureOr<TileKernel> run();

private:
  // Schedule.cpp: how the kernel spreads over threads.
  void chooseSchedule();
  bool fitsLanes();
  void spreadLanes();
  void spreadThreads();
  int64_t widthAlong(AtomId atom, int64_t extent);
  void splitLastLoop(int64_t width);
  Expr numRows();
  cpu::ChunkCount countBlocks();
  Space &space() { return *this; }

  // Contract.cpp: sums of products by blocks.
  struct Factor {
    Value value; ///< in the body
    std::vector<Expr> loads, touched;
    bool readsStages = false;
    bool depthLast = false; ///< its tiles run through memory along the summed loops
    Space space;
  };
  struct Contraction {
    Stage *stage = nullptr;
    Factor a, b;
    SmallVector<int> batch, rows, columns; ///< shared loops that both, a alone, b alone depend on
    int64_t tileRows = 0, tileColumns = 0, depth = 0;
  };
  using Nest = ArrayRef<std::pair<AtomId, Expr>>;
  bool fitsContract();
  void spreadContract();
  void probe(Stage &stage, Value value, Factor &factor);
  int64_t groupsAlong(ArrayRef<Expr> addresses, AtomId atom, const Expr &extent);
  Expr tilesOfContract();
  Value bindLoops(Nest nest, Value number, Scope *outside, Scope *home);
  SmallVector<std::pair<AtomId, Expr>> nestOf(ArrayRef<int> loops);
  Scope *openTile(Nest down, Value firstRow, Nest along, Value firstColumn, Scope *scope);
  void emitContractTile(Value tileNumber, Scope *scope);
  void emitContraction(Stage &stage, Scope *scope);

  // Values.cpp: tiles as values.
  enum Shape { Scalar = 0, Rows = 1, Columns = 2, Full = 3 };
  Shape shapeOf(Value value);
  RankedTensorType tileType(Shape shape, Type element);
  Value toShape(Value value, Shape shape);
  Value maskOf(Scope *scope, bool &fine);
  Scope &openScope(Scope *scope, Value mask);
  void unify(MutableArrayRef<Value> values) override;
  Value asCarried(Value value) override { return toShape(value, groupLength > 1 ? Full : Rows); }
  SmallVector<Value> cloneMapped(Operation *op, IRMapping &mapping) override;
  Value conditional(Type type, Value condition, Scope *scope, llvm::function_ref<Value(Scope *)> then,
                    llvm::function_ref<Value(Scope *)> otherwise) override;
  void guarded(Value condition, Scope *scope, llvm::function_ref<void(Scope *)> body) override;
  Value loadAt(Value memory, const Expr &address, Scope *scope) override;
  void storeAt(Value memory, const Expr &address, Value value, Scope *scope) override;
  Value load(Storage &storage, ArrayRef<Expr> indices, Scope *scope) override;
  Value buffer(int index) override { return kernel.getArgument(index); }
  bool storesInOrder() const override { return false; }
  bool hasLoadedColumns(const Expr &address);
  int64_t contiguousAt(const Expr &address, Shape shape, bool fineMask);

  // Emit.cpp: the kernel.
  void createTileKernel();
  LogicalResult placePrivate();
  LogicalResult emitTileKernel();
  void emitRows(Value tileNumber, Scope *scope);
  void emitMaps(ArrayRef<Stage *> maps, Scope *scope) override;
  void emitReduction(Stage &stage, Scope *scope) override;
  Scope *openColumns(AtomId atom, const Expr &extent, Value chunk, Scope *scope);
  SmallVector<Value> overColumns(Stage &stage, Scope *scope, ValueRange carried,
                                 llvm::function_ref<SmallVector<Value>(Scope *, ValueRange)> body);

  enum class Schedule { Threads, Lanes, Contract } schedule = Schedule::Threads;
  SmallVector<int> rowLoops; ///< shared loops, the outermost first
  struct Column {
    AtomId atom;
    Expr extent;
  };
  llvm::DenseMap<Stage *, Column> columnOf; ///< Lanes: the loop of a stage that lanes spread over
  std::optional<Column> wholeRow;           ///< Lanes: all stages' columns, where one tile holds them
  std::optional<Contraction> contraction;
  Value firstRow, firstColumn; ///< Contract: of this tile
  Scope *wholeScope = nullptr;
  TileKernel result;
};

/// The op that combines a reduction's result with what is added to it, when that is one op that can be
/// regrouped; null otherwise.
Operation *findCombiner(linalg::GenericOp reduction, unsigned result);
/// What changes nothing when combined by `op`.
TypedAttr identityOf(Operation *op);
/// Whether the reduction finds an extreme and its place: its two results are combined together.
bool isArgReduction(linalg::GenericOp reduction);
/// The better one of two pairs (value, place, other value, other place) of such a reduction.
SmallVector<Value> emitBetter(OpBuilder &b, Location loc, linalg::GenericOp reduction, ValueRange pairs);

} // namespace weft::loops

#endif // WEFT_LIB_CONVERSION_LINALGTOTILE_TILELOWERING_H
