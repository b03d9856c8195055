// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What an Executable holds for its Sessions: the program with its commands flattened, and plans per set of
// extents.
#ifndef WEFT_LIB_RUNTIME_IMPL_H
#define WEFT_LIB_RUNTIME_IMPL_H

#include "weft/Program/MemoryPlan.h"
#include "weft/Runtime/Executable.h"
#include "weft/Runtime/HostFunctions.h"
#include "weft/Runtime/Loader.h"

#include <map>
#include <mutex>

namespace weft::runtime {

struct ProgramOnDevice;

/// The alternatives of program::Command::what, in their order.
enum class Op : uint8_t {
  Launch,
  Copy,
  Fill,
  Host,
  Call,
  If,
  While,
  Check,
  ShapeCheck,
  SetSymbol,
  CollectiveStart,
  Send,
  Recv,
  Wait,
  MeshCoordinate
};

/// One command. Launches, which are nearly all, need nothing else; the others look at `source`.
struct FlatCommand {
  Op op = Op::Launch;
  uint32_t numBuffers = 0, numDims = 0;
  uint32_t firstBuffer = 0, firstDim = 0; // in FlatFunction::buffers and ::dims
  program::ExprId chunks = 0, scratch = 0;
  WeftKernel kernel = nullptr;
  HostFunction host = nullptr;
  const program::Command *source = nullptr;
};

struct FlatFunction {
  std::vector<FlatCommand> commands;
  std::vector<program::BufferId> buffers;
  std::vector<program::ExprId> dims;
  /// This function and all it calls, directly or not.
  std::vector<program::FunctionId> reachable;
};

struct Executable::Impl {
  program::LoadedProgram loaded;
  std::shared_ptr<const CodeLibrary> code; // null without kernels, and for a device
  std::string isa;
  std::vector<FlatFunction> functions; // as program.functions
  std::vector<bool> dependsOnData;     // per expression: on a symbol that a command sets
  bool hasDataSymbols = false;
  uint32_t maxBuffers = 0, maxDims = 0; // of any launch
  int64_t constantBytes = 0;
  // Programs for devices: what Sessions have brought there, by the device's name.
  mutable std::mutex deviceMutex;
  mutable std::map<std::string, std::weak_ptr<const ProgramOnDevice>> onDevices;
};

/// What the record says of a kernel's check, in the check's words.
Status checkError(const program::Kernel &kernel, const WeftFault &fault);

/// Everything that follows from the extents of one run's inputs.
struct ShapePlan {
  /// Of each expression; noValue where it has none (yet: see dependsOnData).
  std::vector<int64_t> values;
  /// Never less than the value, data-dependent symbols included.
  std::vector<int64_t> upper;
  std::vector<program::FunctionPlan> functions;
};

/// Whether nothing tells beforehand how much a data-dependent symbol may be.
inline bool isUnbounded(const program::Program &program, const program::Symbol &symbol) {
  return symbol.isDataDependent() && program.exprs.constantOr(symbol.bound, 0) == -1;
}

/// Evaluates and plans for values of the symbols (noValue: unbound, or set by a command). `guesses`, per
/// symbol, stand for the bounds of symbols that have none.
Result<ShapePlan> makeShapePlan(const program::Program &program, std::span<const int64_t> symbols,
                                bool hasDataSymbols, std::span<const int64_t> guesses);

/// Checks all functions in `reachable` for these values: sizes are there and non-negative, views lie inside
/// their buffers, arguments are as large as the called function's inputs. What depends on data not yet known
/// is left for later.
Status checkSizes(const Executable::Impl &executable, const ShapePlan &plan, std::span<const int64_t> values,
                  std::span<const program::FunctionId> reachable);

} // namespace weft::runtime

#endif // WEFT_LIB_RUNTIME_IMPL_H
