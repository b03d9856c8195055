// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiling from the outside: a model file or a graph to an Executable, through the cache of programs. The
// compiler library is opened only when a program is not there.
#ifndef WEFT_API_COMPILE_H
#define WEFT_API_COMPILE_H

#include "weft/Runtime/Executable.h"
#include "weft/Support/Status.h"

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weft {

class Graph;

enum class Severity { Note, Remark, Warning, Error };

struct CompileOptions {
  /// "cpu", "cuda[:sm_90a]", "cuda-emu[:sm_90a]" (the same kernels on a GPU that the CPU plays), or both of
  /// these with a comma between them. A program runs on the first unless a Session asks for the other.
  std::string target = "cpu";
  /// For a GPU: what has no kernel there may run on the CPU, on copies. Otherwise it is an error that names
  /// all such ops.
  bool allowFallback = false;
  /// "native", "x86-64-v3", "x86-64-v4", or a CPU name of LLVM.
  std::string targetCpu = "native";
  /// Dimensions that stay dynamic: "batch:1:64", or "batch" without bounds.
  std::vector<std::string> dynamicDims;
  /// Extents to specialise inputs of an ONNX model to: "image=1x3x224x224"; ? leaves one as the model has it.
  std::vector<std::string> shapes;
  /// "strict", "default" or "fast": how far floating-point results may depart; see docs/numerics.md.
  std::string numerics = "default";
  /// Threads of the compiler; 0: one per core this process may use.
  int threads = 0;
  /// Seconds to spend on trying other tilings of the kernels that take longest, on this machine. What is
  /// found is kept in the cache folder and used by later compilations. 0: it is left out; below 0: it is
  /// used.
  double tuneSeconds = -1;
  /// Look for the program in the cache folder, and keep it there.
  bool useCache = true;
  /// Refuse dimensions without an upper bound that `dynamicDims` does not name.
  bool boundedOnly = false;
  /// Verify the IR between passes.
  bool verify = false;

  /// Workers along named axes, "data:2,model:2": the result is a job (.weftjob) of a program per role, not
  /// one program. Empty: one worker.
  std::string mesh;
  /// Where values lie on the mesh, "w=_,model"; without any, the batch goes over `data` and big weights over
  /// `model`.
  std::vector<std::string> shards;
  /// Pipeline stages; the mesh is that of one stage.
  int stages = 1;
  /// Nodes of the model that each stage but the first begins at; none: stages of equal cost.
  std::vector<std::string> cuts;
  /// Ranks that run another target than `target`: "1=cuda-emu", "2-3=cuda:sm_90a".
  std::vector<std::string> rankTargets;
  bool explain = false; ///< emit "explain": the reason of each transfer too
  std::string svgFile;  ///< a picture of roles and transfers

  // For compiler engineers.
  std::string from, to; ///< stages: import, graph, host, kernel, program
  std::string emit;     ///< weft, linalg, llvm, asm, ptx, obj, so, explain: instead of a program
  std::string
      dataFile; ///< .npz for large constants of text; empty: text leaves them out and cannot be read back
  std::string dumpDir;    ///< the IR after each stage, a file each
  std::string reproducer; ///< a file for a crash reproducer

  /// Messages of the compiler. Errors also are in the Status returned.
  std::function<void(Severity, std::string_view)> diagnostic;
  /// How far it is: stage, done of total. While tuning, the stage is "tune: " and words about it.
  std::function<void(std::string_view stage, int64_t done, int64_t total)> progress;
  std::function<void(std::string_view stage, double wallMs, double cpuMs)> stageTime;
};

/// What a model file is, by its name and first bytes.
enum class ModelKind { Onnx, Mlir, Program, Unknown };
ModelKind modelKindOf(const std::string &path);

/// Compiles a model (.onnx or .mlir) or graph to the bytes of a .weft program, or of what `emit` or `to` ask
/// for. INVALID_ARGUMENT: the model or an option is wrong. UNIMPLEMENTED: the model asks for what cannot be
/// compiled yet (all such ops are named).
Result<std::string> compileToBytes(const std::string &path, const CompileOptions &options = {});
Result<std::string> compileToBytes(const Graph &graph, const CompileOptions &options = {});
/// The same, handed to `sink` piece by piece in order: a large program is never in memory as a whole.
Status compileTo(const std::string &path, const CompileOptions &options,
                 const std::function<Status(std::span<const std::byte>)> &sink);

/// Compiles the GPU kernels of an .mlir file (llvm and nvvm dialects) for the emulator: an image of code to
/// be loaded, see Program/EmulatorAbi.h. INVALID_ARGUMENT: the file is wrong, or an op has no emulation.
Result<std::string> compileForEmulator(const std::string &path, const CompileOptions &options = {});

struct CompiledInfo {
  bool fromCache = false;
  double milliseconds = 0;    ///< wall time to the loaded program
  double cpuMilliseconds = 0; ///< of this process and of those it started, in that time
};

/// Compiles, or finds in the cache, and loads. A .weft file is loaded as it is.
Result<std::shared_ptr<const runtime::Executable>>
compile(const std::string &path, const CompileOptions &options = {}, CompiledInfo *info = nullptr);
Result<std::shared_ptr<const runtime::Executable>>
compile(const Graph &graph, const CompileOptions &options = {}, CompiledInfo *info = nullptr);

} // namespace weft

#endif // WEFT_API_COMPILE_H
