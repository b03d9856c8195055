// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Emits a block's tile of a product as tiles: a plain loop of copies and products, which
// --tile-pipeline-copies and
// --tile-insert-barriers make one that runs ahead, and the stores.
#include "MmaTile.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace weft::gpu;

namespace {

/// One instruction of mma.sync computes 16 x 8, of 32 bytes along K.
constexpr int64_t mmaM = 16, mmaN = 8, mmaKBytes = 32;
/// What the lanes of a warp cover by multiply-adds, each with 4 x 4.
constexpr int64_t fmaM = 16, fmaN = 32;

/// One operand on its way: copied into a buffer in shared memory, and read from there.
class Operand {
public:
  /// `outer` numbers of M or N from `firstOuter` on, times `depth` of K.
  Operand(TileBuilder &k, const MmaSource &source, Type type, int64_t outer, int64_t depth, int64_t threads,
          V firstOuter)
      : k(k), source(source), type(type), numbers(firstOuter) {
    OpBuilder &b = k.builder();
    bool rowsOfK = source.major == Major::K;
    space.rows = rowsOfK ? outer : depth;
    space.columns = rowsOfK ? depth : outer;
    // Threads side by side in a row, then row by row.
    int64_t perRow = space.columns / source.vector, lanes = std::min(perRow, weft::tile::warpSize),
            warps = threads / weft::tile::warpSize, warpsAlong = perRow / lanes;
    space.layout = weft::tile::BlockedAttr::get(b.getContext(), {1, source.vector},
                                                {weft::tile::warpSize / lanes, lanes},
                                                {warps / warpsAlong, warpsAlong}, {1, 0});
    int64_t bytes = mmaElementBytes(type);
    auto swizzle = weft::tile::SwizzledAttr::forRows(b.getContext(), space.columns * bytes, bytes);
    buffer = weft::tile::AllocSharedOp::create(
        b, k.location(),
        weft::tile::SharedType::get(b.getContext(), {space.rows, space.columns}, type, swizzle));
    V own = rowsOfK ? k.rowNumbers(space) : k.columnNumbers(space);
    numbers = rowsOfK ? k.columnNumbers(space) : k.rowNumbers(space);
    places = source.at(space, k.like(firstOuter, own) + own);
  }

  /// Copies the elements of K from `first` on.
  void copy(V first) {
    Place place = places(k.like(first, numbers) + numbers);
    weft::tile::AsyncCopyOp::create(k.builder(), k.location(), k.buffer(source.buffer),
                                    k.asIndex(place.offset), place.inside ? place.inside->value : Value(),
                                    buffer, source.vector);
  }

  /// As factor number `operand` of a matrix instruction: `taken` elements of K from `first` on.
  Value load(int64_t operand, Attribute accumulators, int64_t first, int64_t taken) {
    OpBuilder &b = k.builder();
    bool rowsOfK = source.major == Major::K;
    int64_t outer = rowsOfK ? space.rows : space.columns;
    auto layout =
        weft::tile::DotOperandAttr::get(b.getContext(), operand, 4 / mmaElementBytes(type), accumulators);
    SmallVector<int64_t> shape{outer, taken};
    if (operand == 1)
      std::swap(shape[0], shape[1]);
    SmallVector<int64_t> at{0, first};
    if (!rowsOfK)
      std::swap(at[0], at[1]);
    return weft::tile::LocalLoadOp::create(b, k.location(), RankedTensorType::get(shape, type, layout),
                                           buffer, Value(), rowsOfK == (operand == 1),
                                           b.getDenseI64ArrayAttr(at));
  }

  Value inShared() const { return buffer; }
  bool hasRowsOfK() const { return source.major == Major::K; }

private:
  TileBuilder &k;
  const MmaSource &source;
  Type type;
  TileSpace space;
  V numbers; ///< of K, from a step's first on
  std::function<Place(V)> places;
  Value buffer;
};

/// Which threads hold which sums. Of factors with rows of K lanes take neighbouring rows, so that they read
/// different banks; along rows of M or N each takes four neighbours.
Attribute accumulatorsOf(MLIRContext *context, const MmaTiling &tiling, const MmaProblem &problem) {
  if (!tiling.fma)
    return weft::tile::MmaAttr::get(context, {tiling.warpsM, tiling.warpsN});
  auto together = [](const MmaSource &source) { return source.major == Major::K ? 1 : 4; };
  return weft::tile::BlockedAttr::get(context, {together(problem.a), together(problem.b)}, {4, 8},
                                      {tiling.warpsM, tiling.warpsN}, {1, 0});
}

/// Loads an operand of the epilogue: as little as there is, then spread.
V loadOperand(TileBuilder &k, const TileSpace &space, const MmaProblem &problem, unsigned buffer, V rows,
              V columns, std::optional<V> rowInside, std::optional<V> columnInside) {
  OpBuilder &b = k.builder();
  V place = problem.placeOf(space, buffer, rows, columns);
  Type element = k.getBuffer(buffer).type, i64 = b.getI64Type();
  std::optional<V> inside;
  int64_t contiguous = problem.columnVector;
  if (place.type() == space.full(i64)) {
    if (rowInside)
      rowInside = k.spread(*rowInside, space);
    if (columnInside)
      columnInside = k.spread(*columnInside, space);
    inside = k.both(rowInside, columnInside);
  } else if (place.type() == space.alongColumns(i64)) {
    inside = columnInside;
  } else {
    contiguous = 1;
    if (place.type() == space.alongRows(i64))
      inside = rowInside;
  }
  Type type = weft::codegen::withElement(place.type(), element);
  Value loaded = weft::tile::LoadOp::create(b, k.location(), type, k.buffer(buffer), k.asIndex(place),
                                            inside ? inside->value : Value(), /*other=*/Value(), contiguous);
  return k.spread(k.wrap(loaded), space);
}

void storeTile(TileBuilder &k, const TileSpace &space, const MmaProblem &problem, const Epilogue &epilogue,
               Value sums) {
  OpBuilder &b = k.builder();
  Location loc = k.location();
  V rows = k.rowNumbers(space), columns = k.columnNumbers(space);
  rows = k.like(problem.firstRow, rows) + rows;
  columns = k.like(problem.firstColumn, columns) + columns;
  std::optional<V> rowInside, columnInside;
  if (problem.rows)
    rowInside = weft::codegen::lt(rows, k.like(*problem.rows, rows));
  if (problem.columns)
    columnInside = weft::codegen::lt(columns, k.like(*problem.columns, columns));

  Type result = k.getBuffer(problem.c).type;
  if (epilogue.emit || !result.isF32()) {
    SmallVector<Value> inputs{sums};
    unsigned first = problem.c - epilogue.operands.size();
    for (unsigned buffer = first; epilogue.emit && buffer < problem.c; ++buffer)
      inputs.push_back(loadOperand(k, space, problem, buffer, rows, columns, rowInside, columnInside).value);
    auto map = weft::tile::MapOp::create(b, loc, TypeRange(space.full(result)), inputs);
    OpBuilder::InsertionGuard guard(b);
    Block &body = map.getBody().emplaceBlock();
    for (Value input : inputs)
      body.addArgument(getElementTypeOrSelf(input.getType()), loc);
    b.setInsertionPointToStart(&body);
    Value value = body.getArgument(0);
    if (epilogue.emit)
      value = epilogue.emit(b, loc, body.getArguments(), /*width=*/1);
    if (value.getType() != result)
      value = arith::TruncFOp::create(b, loc, result, value);
    weft::tile::YieldOp::create(b, loc, value);
    sums = map.getResult(0);
  }
  std::optional<V> inside;
  if (rowInside)
    inside = k.spread(*rowInside, space);
  if (columnInside)
    inside = k.both(inside, k.spread(*columnInside, space));
  weft::tile::StoreOp::create(b, loc, sums, k.buffer(problem.c),
                              k.asIndex(problem.placeOf(space, problem.c, rows, columns)),
                              inside ? inside->value : Value(), problem.columnVector);
}

} // namespace

int64_t weft::gpu::mmaElementBytes(Type type) { return type.getIntOrFloatBitWidth() / 8; }

std::string weft::gpu::checkTiling(const MmaTiling &t) {
  for (int64_t x : {t.m, t.n, t.k, t.warpsM, t.warpsN})
    if (x < 1 || !llvm::isPowerOf2_64(x))
      return "wanted powers of two, got " + std::to_string(x);
  if (t.stages < 2)
    return "wanted two stages or more";
  if (t.fma && (t.warpgroups || t.m < fmaM * t.warpsM || t.n < fmaN * t.warpsN))
    return "multiply-adds want 16 x 32 for each warp";
  if (t.warpgroups && (t.warpsM % 4 || t.warpsN != 1 || t.m != mmaM * t.warpsM || t.k != 64 || t.n > 256))
    return "a warpgroup of four warps wants 64 rows, 64 of K and at most 256 columns";
  if (t.m / t.warpsM < mmaM || t.n / t.warpsN < 2 * mmaN || t.k < 16)
    return "a warp has less than 16 x 16 x 16";
  int64_t copied = t.fma ? 4 : 8; // at once by each thread, at most
  if (t.m * t.k < t.threads() * copied || t.n * t.k < t.threads() * copied ||
      t.threads() < std::max({t.m, t.n, t.k}))
    return "a tile does not part evenly among the threads";
  return "";
}

MmaTiling weft::gpu::fmaTiling(int64_t rows, int64_t columns) {
  MmaTiling tiling{64, 64, 16, 2, 2, 4};
  if (columns <= fmaN)
    tiling = {64, 32, 16, 4, 1, 4};
  else if (rows >= 128 && columns > 64)
    tiling = {128, 128, 16, 4, 2, 4};
  tiling.fma = true;
  return tiling;
}

int64_t weft::gpu::storeVector(int64_t columns, const MmaTiling &tiling) {
  int64_t most = tiling.fma ? 4 : 2, vector = 1;
  while (!ShapedType::isDynamic(columns) && vector < most && columns % (2 * vector) == 0)
    vector *= 2;
  return vector;
}

void weft::gpu::emitMmaTile(TileBuilder &k, const MmaTiling &tiling, Type type, const MmaProblem &problem,
                            const Epilogue &epilogue) {
  OpBuilder &b = k.builder();
  Location loc = k.location();
  TileSpace space{accumulatorsOf(b.getContext(), tiling, problem), tiling.m, tiling.n};
  Operand left(k, problem.a, type, tiling.m, tiling.k, tiling.threads(), problem.firstRow);
  Operand right(k, problem.b, type, tiling.n, tiling.k, tiling.threads(), problem.firstColumn);

  RankedTensorType sumsType = space.full(b.getF32Type());
  Value zero = arith::ConstantOp::create(b, loc, DenseElementsAttr::get(sumsType, 0.0f));
  auto number = [&](int64_t x) { return arith::ConstantIndexOp::create(b, loc, x); };
  Value steps = k.asIndex(k.ceilDiv(problem.k, tiling.k));
  auto loop = scf::ForOp::create(b, loc, number(0), steps, number(1), zero);
  loop->setAttr(tile::TileDialect::getStagesAttrName(), b.getI64IntegerAttr(tiling.stages));
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    V first = k.narrow(k.wrap(loop.getInductionVar())) * tiling.k;
    left.copy(first);
    right.copy(first);
    Value sums = loop.getRegionIterArg(0);
    if (tiling.warpgroups)
      sums = tile::WarpgroupMmaOp::create(b, loc, left.inShared(), right.inShared(), sums);
    else if (tiling.fma)
      sums = tile::DotOp::create(b, loc, sumsType, left.inShared(), right.inShared(), sums, left.hasRowsOfK(),
                                 right.hasRowsOfK());
    // An instruction's part of K at a time: factors need few registers then.
    int64_t taken = mmaKBytes / mmaElementBytes(type);
    for (int64_t depth = 0; depth < tiling.k && !tiling.warpgroups && !tiling.fma; depth += taken) {
      Value factor = left.load(0, space.layout, depth, taken);
      sums = tile::MmaOp::create(b, loc, factor, right.load(1, space.layout, depth, taken), sums);
    }
    scf::YieldOp::create(b, loc, sums);
  }
  storeTile(k, space, problem, epilogue, loop.getResult(0));
}
