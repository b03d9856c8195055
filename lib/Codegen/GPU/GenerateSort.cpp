// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels that sort; see GenerateSort.h. What is moved while sorting are keys and 32-bit positions; operands
// follow once, at the end.
#include "weft/Codegen/GPU/GenerateSort.h"

#include "KernelBuilder.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace weft;
using namespace weft::gpu;
using namespace weft::codegen;

/// Threads of the kernels that treat elements one by one.
static constexpr int64_t elementThreads = 256;

namespace {

V ult(V a, V b) { return compare(arith::CmpIPredicate::ult, a, b); }
V umin(V a, V b) { return select(ult(a, b), a, b); }

/// A sort's kernels have this much in common: rows, and how keys compare.
class SortCode {
public:
  SortCode(KernelBuilder &k, const SortSpec &spec)
      : k(k), spec(spec), length(k.extent(0, 1)), inner(k.extent(0, 2)), rows(k.extent(0, 0) * inner) {}

  /// Where a row of `extent` elements begins, in elements.
  V baseOf(V row, V extent) { return divui(row, inner) * (extent * inner) + remui(row, inner); }

  static Type memoryType(MLIRContext *context, DType type) {
    return IntegerType::get(context, type == DType::I1 ? 8 : bitWidth(type));
  }

  /// Key `number` of an element, in the order of unsigned integers.
  V loadKey(unsigned number, V offset) {
    DType type = spec.operands[number];
    V raw = k.load(memoryType(k.builder().getContext(), type), k.global(number, offset));
    unsigned width = raw.bits();
    V bits = width < 32 ? convertTo<arith::ExtUIOp>(raw, k.builder().getI32Type()) : raw;
    uint64_t sign = uint64_t(1) << (width - 1), all = sign | (sign - 1);
    V key = bits;
    if (isFloat(type)) {
      V magnitude = bits & bits.i(sign - 1);
      V isNegative = ne(bits & bits.i(sign), 0) & ne(magnitude, 0);
      key = select(isNegative, bits ^ bits.i(all), magnitude | bits.i(sign));
      key = select(ult(bits.i(infinityOf(type)), magnitude), bits.i(all), key);
    } else if (isSignedInteger(type)) {
      key = bits ^ bits.i(sign);
    } else if (type == DType::I1) {
      key = convertTo<arith::ExtUIOp>(ne(bits, 0), bits.type());
    }
    return spec.descending ? key ^ key.i(UINT64_MAX) : key;
  }

  /// Whether keys and position `a` come before `b`.
  V isBefore(ArrayRef<V> a, ArrayRef<V> b) {
    V before = ult(a.back(), b.back());
    for (size_t i = a.size() - 1; i-- > 0;)
      before = ult(a[i], b[i]) | (eq(a[i], b[i]) & before);
    return before;
  }

  /// Stores what lies at `from` of a row as element `rank` of the results, of which there are `kept` in a
  /// row.
  void storeElement(unsigned firstResult, V row, V position, V rank, V kept) {
    V source = baseOf(row, length) + position * inner, target = baseOf(row, kept) + rank * inner;
    unsigned results = k.numBuffers() - firstResult - spec.positions;
    for (unsigned i = 0; i < results; ++i)
      k.store(k.load(k.getBuffer(i).type, k.global(i, source)), k.global(firstResult + i, target));
    if (spec.positions)
      k.store(position, k.global(firstResult + results, target));
  }

  KernelBuilder &k;
  const SortSpec &spec;
  V length, inner, rows;

private:
  static uint64_t infinityOf(DType type) {
    switch (type) {
    case DType::F64:
      return 0x7ff0000000000000;
    case DType::F32:
      return 0x7f800000;
    case DType::F16:
      return 0x7c00;
    default:
      return 0x7f80; // bf16
    }
  }
};

/// Keys and positions of a block's slots in shared memory.
class Slots {
public:
  Slots(KernelBuilder &k, const SortSpec &spec, int64_t count) : k(k), count(count) {
    MLIRContext *context = k.builder().getContext();
    for (unsigned i = 0; i < spec.numKeys; ++i)
      types.push_back(IntegerType::get(context, sortKeyBytes(spec.operands[i]) * 8));
    types.push_back(IntegerType::get(context, 32));
    for (Type type : types) {
      offsets.push_back(bytes);
      bytes += count * type.getIntOrFloatBitWidth() / 8;
    }
  }
  SmallVector<V> load(V slot) {
    SmallVector<V> values;
    for (size_t i = 0; i < types.size(); ++i)
      values.push_back(k.load(types[i], address(i, slot)));
    return values;
  }
  V loadPosition(V slot) { return k.load(types.back(), address(types.size() - 1, slot)); }
  void store(ArrayRef<V> values, V slot) {
    for (auto [i, value] : llvm::enumerate(values))
      k.store(value, address(i, slot));
  }
  /// A number of the type of key i.
  V ofType(size_t i, uint64_t value) {
    return types[i].isInteger(64) ? k.i64(0).i(value) : k.i32(0).i(value);
  }

  KernelBuilder &k;
  int64_t count, bytes = 0;

private:
  Value address(size_t i, V slot) {
    return k.shared(slot * int64_t(types[i].getIntOrFloatBitWidth() / 8) + offsets[i]);
  }
  SmallVector<Type> types;
  SmallVector<int64_t> offsets;
};

/// Sorts each `piece` of the slots by a bitonic network. Ends with a barrier.
void emitNetwork(SortCode &code, Slots &slots, int64_t piece, int64_t threads) {
  KernelBuilder &k = code.k;
  k.barrier();
  V one = k.i32(1), zero = k.i32(0);
  k.loop(one, k.i32(llvm::Log2_64(piece) + 1), one, [&](V level) {
    V size = one << level;
    k.loop(zero, level, one, [&](V step) {
      V distance = (size >> one) >> step;
      k.loop(k.threadId(), k.i32(slots.count / 2), k.i32(threads), [&](V pair) {
        V low = pair & (distance - 1);
        V first = ((pair - low) << one) | low, second = first | distance;
        SmallVector<V> a = slots.load(first), b = slots.load(second);
        // The last merge of a piece ascends; before it, halves of it go up and down.
        V ascends = eq(first & size & (piece - 1), 0);
        k.when(eq(code.isBefore(b, a), ascends), [&] {
          slots.store(b, first);
          slots.store(a, second);
        });
      });
      k.barrier();
    });
  });
}

/// Adds the results of spec, each with `kept` elements in a row.
void addResults(SmallVectorImpl<KernelBuilder::Buffer> &buffers, MLIRContext *context, const SortSpec &spec) {
  SmallVector<int64_t> shape{spec.shape[0], spec.kept, spec.shape[2]};
  for (DType type : spec.operands)
    buffers.push_back({SortCode::memoryType(context, type), shape});
  if (spec.positions)
    buffers.push_back({IntegerType::get(context, 64), shape});
}

/// A block for each row and `block` elements along it.
cpu::ChunkCount blocksAlongRows(const SortSpec &spec, unsigned buffer, int64_t length, int64_t block) {
  return {{{0, 0, spec.shape[0], 1}, {0, 2, spec.shape[2], 1}, {buffer, 1, length, block}}};
}

/// Both kernels that sort in shared memory: whole rows, several of them in a block if they are short, or runs
/// of rows.
FailureOr<GpuKernel> generateBlockSort(Location loc, const SortSpec &spec, bool isRuns) {
  MLIRContext *context = loc.getContext();
  int64_t longest = longestSortedRow(ArrayRef(spec.operands).take_front(spec.numKeys));
  if (!isRuns && (ShapedType::isDynamic(spec.shape[1]) || spec.shape[1] > longest))
    return emitError(loc) << "found rows of " << spec.shape[1] << " elements, wanted at most " << longest
                          << " for one block";
  int64_t piece = isRuns ? longest : llvm::PowerOf2Ceil(std::max<int64_t>(spec.shape[1], 1));
  int64_t together = std::max<int64_t>(256 / piece, 1), count = piece * together;
  int64_t threads = std::min<int64_t>(count / 2, 512);

  SmallVector<KernelBuilder::Buffer> buffers;
  for (DType type : ArrayRef(spec.operands).take_front(isRuns ? spec.numKeys : spec.operands.size()))
    buffers.push_back({SortCode::memoryType(context, type), llvm::to_vector(ArrayRef(spec.shape))});
  unsigned firstResult = buffers.size();
  if (isRuns)
    buffers.push_back({IntegerType::get(context, 32), llvm::to_vector(ArrayRef(spec.shape))});
  else
    addResults(buffers, context, spec);
  KernelBuilder k(loc, spec.name, threads, buffers, buffers.size() - firstResult);
  SortCode code(k, spec);
  Slots slots(k, spec, count);

  V pieces = k.ceilDiv(code.length, piece);
  V groups = k.ceilDiv(code.rows * pieces, together);
  // The row and the place in it of a slot of group `group`, and whether there is such a place.
  struct Place {
    V row, position, exists;
  };
  auto placeOf = [&](V group, V slot) {
    V unit = group * together + k.widen(slot >> slot.i(llvm::Log2_64(piece)));
    V row = divui(unit, pieces), position = remui(unit, pieces) * piece + k.widen(slot & (piece - 1));
    return Place{row, position, lt(row, code.rows) & lt(position, code.length)};
  };
  k.loop(k.widen(k.blockId()), groups, k.widen(k.numBlocks()), [&](V group) {
    k.loop(k.threadId(), k.i32(count), k.i32(threads), [&](V slot) {
      Place place = placeOf(group, slot);
      SmallVector<V> values;
      for (unsigned i = 0; i < spec.numKeys; ++i)
        // Past the end lies the largest key, behind all positions that there are.
        values.push_back(k.when(
            place.exists,
            [&] {
              return code.loadKey(i, code.baseOf(place.row, code.length) + place.position * code.inner);
            },
            [&] { return slots.ofType(i, UINT64_MAX); }));
      values.push_back(k.narrow(place.position));
      slots.store(values, slot);
    });
    emitNetwork(code, slots, piece, threads);
    V kept = isRuns ? code.length : k.extent(firstResult, 1);
    k.loop(k.threadId(), k.i32(count), k.i32(threads), [&](V slot) {
      Place place = placeOf(group, slot);
      k.when(place.exists & lt(place.position, kept), [&] {
        V position = slots.loadPosition(slot);
        if (isRuns)
          k.store(position,
                  k.global(firstResult, code.baseOf(place.row, kept) + place.position * code.inner));
        else
          code.storeElement(firstResult, place.row, k.widen(position), place.position, kept);
      });
    });
    k.barrier();
  });
  if (isRuns)
    return k.finish(slots.bytes, blocksAlongRows(spec, 0, spec.shape[1], piece));
  bool alongInner = spec.shape[0] == 1;
  return k.finish(slots.bytes, {{{0, 0, spec.shape[0], alongInner ? 1 : together},
                                 {0, 2, spec.shape[2], alongInner ? together : 1}}});
}

/// The row of this block and the place along it of this thread, for kernels that treat elements one by one.
std::pair<V, V> elementOf(KernelBuilder &k, V length) {
  V pieces = k.ceilDiv(length, elementThreads), block = k.widen(k.blockId());
  return {divui(block, pieces), remui(block, pieces) * elementThreads + k.widen(k.threadId())};
}

} // namespace

FailureOr<GpuKernel> weft::gpu::generateSort(Location loc, const SortSpec &spec) {
  return generateBlockSort(loc, spec, /*isRuns=*/false);
}

FailureOr<GpuKernel> weft::gpu::generateSortRuns(Location loc, const SortSpec &spec) {
  return generateBlockSort(loc, spec, /*isRuns=*/true);
}

FailureOr<GpuKernel> weft::gpu::generateMergeRuns(Location loc, const SortSpec &spec) {
  MLIRContext *context = loc.getContext();
  auto i32 = IntegerType::get(context, 32);
  SmallVector<KernelBuilder::Buffer> buffers;
  SmallVector<int64_t> shape(spec.shape.begin(), spec.shape.end());
  for (DType type : ArrayRef(spec.operands).take_front(spec.numKeys))
    buffers.push_back({SortCode::memoryType(context, type), shape});
  unsigned before = spec.numKeys, run = before + 1, after = before + 2;
  buffers.push_back({i32, shape});
  buffers.push_back({IntegerType::get(context, 64), {}});
  buffers.push_back({i32, shape});
  KernelBuilder k(loc, spec.name, elementThreads, buffers);
  SortCode code(k, spec);
  auto [row, place] = elementOf(k, code.length);
  k.when(lt(place, code.length), [&, row = row, place = place] {
    V base = code.baseOf(row, code.length);
    // Keys and position of what lies at a place of the row.
    auto load = [&](V at) {
      V position = k.load(i32, k.global(before, base + at * code.inner));
      SmallVector<V> values;
      for (unsigned i = 0; i < spec.numKeys; ++i)
        values.push_back(code.loadKey(i, base + k.widen(position) * code.inner));
      values.push_back(position);
      return values;
    };
    SmallVector<V> mine = load(place);
    V width = k.load(IntegerType::get(context, 64), k.global(run, k.i64(0)));
    // Of two runs side by side: an element goes as many places on as the other run has elements before it.
    V start = divui(place, width * 2) * (width * 2), middle = umin(start + width, code.length);
    V isLeft = lt(place, middle);
    V from = select(isLeft, middle, start), own = place - select(isLeft, start, middle);
    V to = select(isLeft, umin(start + width * 2, code.length), middle);
    SmallVector<V> found = k.loopWhile(
        {from, to}, [&](ArrayRef<V> range) { return lt(range[0], range[1]); },
        [&](ArrayRef<V> range) -> SmallVector<V> {
          V at = (range[0] + range[1]) >> range[0].i(1);
          V isBefore = code.isBefore(load(at), mine);
          return {select(isBefore, at + 1, range[0]), select(isBefore, range[1], at)};
        });
    k.store(mine.back(), k.global(after, base + (start + own + (found[0] - from)) * code.inner));
  });
  return k.finish(0, blocksAlongRows(spec, 0, spec.shape[1], elementThreads));
}

FailureOr<GpuKernel> weft::gpu::generatePermute(Location loc, const SortSpec &spec) {
  MLIRContext *context = loc.getContext();
  auto i32 = IntegerType::get(context, 32);
  SmallVector<KernelBuilder::Buffer> buffers;
  SmallVector<int64_t> shape(spec.shape.begin(), spec.shape.end());
  for (DType type : spec.operands)
    buffers.push_back({SortCode::memoryType(context, type), shape});
  unsigned order = buffers.size();
  buffers.push_back({i32, shape});
  addResults(buffers, context, spec);
  KernelBuilder k(loc, spec.name, elementThreads, buffers, buffers.size() - order - 1);
  SortCode code(k, spec);
  V kept = k.extent(order + 1, 1);
  auto [row, rank] = elementOf(k, kept);
  k.when(lt(rank, kept), [&, row = row, rank = rank] {
    V position = k.load(i32, k.global(order, code.baseOf(row, code.length) + rank * code.inner));
    code.storeElement(order + 1, row, k.widen(position), rank, kept);
  });
  return k.finish(0, blocksAlongRows(spec, order + 1, spec.kept, elementThreads));
}
