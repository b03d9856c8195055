// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A compiled program as plain data: what the compiler fills in, the .weft file keeps, and the runtime
// interprets. It names kernels of a code image, constants, variables, and for each function its buffers and a
// list of commands.
//
// One environment of symbols per run: symbols are bound from the extents of the entry function's inputs (a
// dimension that is exactly one symbol binds it; all other dimensions are checked), or by SetSymbol when the
// extent depends on data. Called functions see the same symbols. Functions do not recurse.
#ifndef WEFT_PROGRAM_PROGRAM_H
#define WEFT_PROGRAM_PROGRAM_H

#include "weft/Program/Abi.h"
#include "weft/Program/Expr.h"
#include "weft/Support/HostTensor.h"
#include "weft/Support/Sha256.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace weft::program {

/// Of the schema and the command set; a reader refuses a newer one. What a reader may skip (costs, notes)
/// does not raise it.
constexpr uint32_t formatVersion = 2; // 1: no devices, no communication

using BufferId = uint32_t;
using FunctionId = uint32_t;
using KernelId = uint32_t;
using ConstantId = uint32_t;
using VariableId = uint32_t;
constexpr uint32_t noId = UINT32_MAX;

/// Bytes with whoever keeps them alive.
struct Blob {
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;
  static Blob fromString(std::string text);
};

/// An extent known at run time.
struct Symbol {
  std::string name;
  int64_t lower = 0;
  int64_t upper = -1; ///< inclusive; -1: no bound
  /// For a symbol that a SetSymbol command sets: an expression over symbols before this one that it never
  /// exceeds. Memory is planned with it. The constant -1: nothing bounds it; memory is planned for a guess,
  /// and a run that finds more begins again. noId for symbols bound by inputs.
  ExprId bound = noId;
  bool isDataDependent() const { return bound != noId; }
};

/// Where the bytes of a constant are when they stay in the model's own file.
struct ExternalData {
  std::string path; ///< relative to the .weft file unless absolute
  uint64_t offset = 0, size = 0;
  uint64_t fileSize = 0;
  int64_t modificationTime = 0; ///< nanoseconds since 1970
};

struct Constant {
  std::string name;
  DType dtype = DType::Invalid;
  std::vector<int64_t> dims;
  /// The bytes. The writer stores them unless `external`; the reader returns a view of the file.
  HostTensor value;
  /// Instead of `value`, before the program is written: writes the bytes from `first` on to all of `to`, so
  /// that a large constant that is made from another one never stands in memory. Called for all of them again
  /// where the constant's hash is wanted, which stands before it.
  std::function<void(size_t first, std::span<std::byte> to)> make;
  /// `make` takes any run of pieces of so many bytes; 0: only everything at once.
  size_t pieceBytes = 0;
  Sha256Digest sha256{}; ///< of the bytes; all zero: not known. The writer fills it in if asked to
  std::optional<ExternalData> external;

  /// Of dtype and dims, which have been checked.
  int64_t numBytes() const { return *checkedNumBytes(dtype, dims); }
};

struct Variable {
  std::string name;
  DType dtype = DType::Invalid;
  std::vector<int64_t> dims;
  ConstantId initial = noId; ///< noId: zeros
  bool trainable = false;
};

/// A function of the code image.
struct Kernel {
  std::string symbol; ///< exported by every code image
  std::string name;   ///< for people: "matmul_add_relu"
  std::string location;
  uint32_t numBuffers = 0, numDims = 0;
  /// Message of check i (the kernel returns i + 1): "{found}", "{limit}" and "{at}" are replaced by the fault
  /// record.
  std::vector<std::string> checks;
  // On a GPU: threads per block (blocks are one-dimensional; 0: a kernel for the CPU), dynamic shared memory,
  // and how many blocks form a cluster.
  uint32_t threads = 0;
  uint64_t sharedBytes = 0;
  uint32_t cluster = 1;
};

/// Code of all kernels for one kind of machine. By what `isa` begins with: "ptx-sm_90a" is PTX text;
/// "emu-x86-64-v3" is GPU kernels as code for this CPU under the emulator; else it is code for a CPU. The
/// last two are shared objects that ImageCheck accepts.
struct CodeImage {
  std::string isa; ///< "x86-64-v3", "x86-64-v4", "native", "ptx-sm_80", "emu-native"
  std::vector<std::string>
      features; ///< what it needs: CPU features in LLVM's names ("avx2", "fma"), or "sm_80"
  Blob bytes;
};

/// An argument or result of a function.
struct Value {
  std::string name;
  DType dtype = DType::Invalid;
  std::vector<ExprId> dims;
};

enum class BufferKind : uint8_t {
  Arena = 0,    // temporary memory
  Constant = 1, // index: ConstantId. Never written
  Input = 2,    // index: of the function's inputs. Never written
  Output = 3,   // index: of the function's outputs
  Variable = 4, // index: VariableId
  Alias = 5,    // index: BufferId of a buffer before this one; bytes [aliasOffset, aliasOffset + size) of it
};

struct Buffer {
  BufferKind kind = BufferKind::Arena;
  uint32_t index = 0;
  ExprId size = 0; ///< bytes
  ExprId aliasOffset = 0;
  int64_t offset = -1; ///< Arena: static offset; -1: planned when the function runs (see planStatically)
};

/// Runs a kernel on chunks [0, chunks), spread over threads; on a GPU, with that many blocks.
struct Launch {
  KernelId kernel = 0;
  std::vector<BufferId> buffers; ///< operands, then results
  std::vector<ExprId> dims;
  ExprId chunks = 0;
  ExprId scratch = 0;      ///< bytes per thread
  uint32_t numResults = 1; ///< how many of the last buffers are written
  /// What it computes and how many bytes it must read and write, for profiles; noId: not known.
  ExprId flops = noId, bytes = noId;
};
/// Copies `size` bytes; the ranges must not overlap unless they are the same.
struct Copy {
  BufferId to = 0, from = 0;
  ExprId size = 0;
  ExprId toOffset = noId, fromOffset = noId; ///< noId: 0
};
/// Repeats the low `width` (1, 2, 4 or 8) bytes of `pattern` over the buffer.
struct Fill {
  BufferId buffer = 0;
  uint64_t pattern = 0;
  uint8_t width = 1;
};

using AttributeValue = std::variant<int64_t, double, std::string, std::vector<int64_t>>;
struct Attribute {
  std::string name;
  AttributeValue value;
};
struct HostArgument {
  BufferId buffer = 0;
  DType dtype = DType::Invalid;
  std::vector<ExprId> dims;
  bool isResult = false;
};
/// Calls a registered function of the runtime (Runtime/HostFunctions.h names them and their attributes).
struct Host {
  std::string function;
  std::vector<HostArgument> args;
  std::vector<Attribute> attributes;
};

/// Runs another function: its inputs are `args`, its outputs `results`. `frame` is the static offset of its
/// arena in this function's; -1: planned at run time.
struct Call {
  FunctionId function = 0;
  std::vector<BufferId> args, results;
  int64_t frame = -1;
};
/// Runs one of two functions of equal signature by the i1 in `condition`.
struct If {
  BufferId condition = 0;
  FunctionId thenFunction = 0, elseFunction = 0;
  std::vector<BufferId> args, results;
  int64_t frame = -1;
};
/// results = args; while (condFunction(results..., captures...)) results = bodyFunction(results...,
/// captures...). condFunction has one output, an i1 scalar, written to `condition`. `temporaries` are buffers
/// as large as the results: the body writes them, then they change places with the results.
struct While {
  FunctionId condFunction = 0, bodyFunction = 0;
  BufferId condition = 0;
  std::vector<BufferId> args, results, temporaries, captures;
  int64_t frame = -1;
};
/// Ends the run with `message` when the i1 in `predicate` is 0.
struct Check {
  BufferId predicate = 0;
  std::string message;
};
enum class Relation : uint8_t { Equal = 0, LessOrEqual = 1, Less = 2, Divides = 3 };
/// Ends the run with `message` (and both values) unless `lhs relation rhs`. Divides: rhs is a multiple of
/// lhs.
struct ShapeCheck {
  ExprId lhs = 0, rhs = 0;
  Relation relation = Relation::Equal;
  std::string message;
};
/// Sets a data-dependent symbol from the i64 in `buffer`; an error when it is outside [lower, bound].
struct SetSymbol {
  SymbolId symbol = 0;
  BufferId buffer = 0;
};

/// One axis of the grid that the ranks of a job form.
struct MeshAxis {
  std::string name;
  uint32_t size = 1;
  bool operator==(const MeshAxis &) const = default;
};

enum class Collective : uint8_t {
  AllReduce = 0,
  AllGather = 1,
  ReduceScatter = 2,
  AllToAll = 3,
  Broadcast = 4
};
enum class Combine : uint8_t { Sum = 0, Max = 1, Min = 2, Prod = 3 };
/// Starts a collective over this rank's set of a group. Buffers are dense, and cut along their leading
/// dimension: AllGather writes the members' `from` in group order; ReduceScatter combines equal parts of
/// `from`, one per member, and writes this member's; AllToAll sends part i to member i; Broadcast takes the
/// first member's `from`. Values are combined in group order whatever the transport, so all give the same
/// bits. `to` must not be touched and `from` not be written before the Wait of the channel; only AllReduce
/// may have one buffer for both.
struct CollectiveStart {
  Collective kind = Collective::AllReduce;
  Combine combine = Combine::Sum; ///< of AllReduce and ReduceScatter
  DType dtype = DType::Invalid;
  uint32_t group = 0;   ///< of Program::groups
  uint32_t channel = 0; ///< started once and then waited for once in its function
  BufferId from = 0, to = 0;
  ExprId count = 0; ///< elements of `from`
};
/// Starts to send `size` bytes to the rank that the route names, whose Recv has the same channel. A Send and
/// a Recv of one rank may share a channel (a shift along an axis): one Wait ends both.
struct Send {
  uint32_t channel = 0, route = 0; ///< route: of Program::routes
  BufferId from = 0;
  ExprId size = 0;
};
/// Posts a buffer for `size` bytes from the rank that the route names.
struct Recv {
  uint32_t channel = 0, route = 0;
  BufferId to = 0;
  ExprId size = 0;
};
/// Ends all that was started on the channel.
struct Wait {
  uint32_t channel = 0;
};
/// Writes this rank's coordinate along an axis of the mesh, an i64 scalar.
struct MeshCoordinate {
  uint32_t axis = 0;
  BufferId to = 0;
};

struct Command {
  std::string name;     ///< for people and traces: "layer1/conv+relu"
  std::string location; ///< "model.onnx: node 'Conv_3'"
  std::variant<Launch, Copy, Fill, Host, Call, If, While, Check, ShapeCheck, SetSymbol, CollectiveStart, Send,
               Recv, Wait, MeshCoordinate>
      what;
  /// For people: what was fused here, and what was not and why.
  std::vector<std::string> notes = {};
};

struct Function {
  std::string name;
  std::vector<Value> inputs, outputs;
  std::vector<Buffer> buffers;
  std::vector<Command> commands;
  int64_t arenaSize = -1; ///< bytes, when all offsets are static; -1: planned at run time
};

/// The names of devices: where a program's buffers live and its kernels run.
namespace device {
constexpr std::string_view cpu = "cpu", cuda = "cuda", cudaEmu = "cuda-emu";
} // namespace device

struct Program {
  std::string producer; ///< "weft 0.1.0"
  /// What it runs on unless another device is asked for that it has an image for.
  std::string device = std::string(device::cpu);
  std::vector<std::pair<std::string, std::string>> metadata;
  std::vector<Symbol> symbols;
  ExprTable exprs;
  std::vector<Constant> constants;
  std::vector<Variable> variables;
  std::vector<Kernel> kernels;
  /// The ranks of the job this program is part of: row-major over the axes, the first is the slowest. Empty:
  /// a program that runs alone.
  std::vector<MeshAxis> mesh;
  uint32_t numRanks = 0; ///< product of the mesh; 0 without one
  /// Each a division of ranks into ordered sets of equal size; a collective runs in the set with this rank.
  std::vector<std::vector<std::vector<uint32_t>>> groups;
  /// Per route and rank: the peer's rank, noId where the rank has none.
  std::vector<std::vector<uint32_t>> routes;
  std::vector<Function> functions; ///< "main" is what runs unless another is named
  std::vector<CodeImage> images;
  Blob debug; ///< locations, IR, explain log: optional

  /// noId when there is no function of that name.
  FunctionId findFunction(std::string_view name) const;
  /// The value of that name in `metadata`; empty when there is none.
  std::string_view metadataOf(std::string_view key) const;
  /// Kernels are GPU kernels, and all buffers live in the memory of a device.
  bool isForGpu() const { return device != device::cpu; }
};

/// "data:2,model:2"
std::string meshText(const std::vector<MeshAxis> &mesh);
/// "all_reduce", "all_gather" and so on.
std::string_view collectiveName(Collective kind);

/// Everything that must hold before a program is run: every index, type, arity, relation between called
/// functions, static offset; see Check.cpp. The reader and the writer both call it.
Status checkProgram(const Program &program);

/// The device that an image is code for: "cpu", "cuda", "cuda-emu".
std::string_view deviceOfImage(const CodeImage &image);
/// A host function that only shows what it is given may read from a device; any other runs on the CPU what
/// was meant for the device, and only in programs with the metadata "allow_fallback".
bool mayRunOffDevice(const Program &program, std::string_view hostFunction);

} // namespace weft::program

#endif // WEFT_PROGRAM_PROGRAM_H
