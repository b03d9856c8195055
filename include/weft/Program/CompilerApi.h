// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The seam between the two halves: a C table of functions that libWeftCompiler.so exports as
// `weftCompilerApi`. Only plain bytes, text and numbers cross it. The other half opens the library when a
// program is not in the cache.
#ifndef WEFT_PROGRAM_COMPILERAPI_H
#define WEFT_PROGRAM_COMPILERAPI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Raised whenever this file changes; both halves must agree.
#define WEFT_COMPILER_API_VERSION 8

typedef struct WeftText {
  const char *data;
  size_t size;
} WeftText;

typedef struct WeftGraphHandle WeftGraphHandle; ///< a graph under construction

enum { WEFT_INPUT_ONNX = 0, WEFT_INPUT_MLIR = 1, WEFT_INPUT_GRAPH = 2, WEFT_INPUT_NVVM = 3 };
enum { WEFT_NOTE = 0, WEFT_REMARK = 1, WEFT_WARNING = 2, WEFT_ERROR = 3 };

/// What to compile, for what, and whom to tell. Texts need not end in 0; lists are of `name=value` texts.
/// Unused fields are 0.
typedef struct WeftCompileRequest {
  int32_t inputKind;
  WeftText path;     ///< of the model: named in messages, and where external data lies beside
  const void *bytes; ///< of the model; null: `path` is read
  size_t numBytes;
  WeftGraphHandle *graph;      ///< for WEFT_INPUT_GRAPH
  WeftText target;             ///< "cpu", "cuda:sm_90a", ... (Program/Target.h); empty: cpu
  WeftText targetCpu;          ///< "native", "x86-64-v3", ...; empty: native
  const WeftText *dynamicDims; ///< "batch:1:64", "batch" (no bounds): these stay dynamic
  size_t numDynamicDims;
  const WeftText *shapes; ///< "image=1x3x224x224": extents to specialise inputs to; ? leaves one as it is
  size_t numShapes;
  WeftText numerics; ///< strict, default, fast; empty: default
  WeftText from, to; ///< stages: import graph host kernel program; empty: first and last
  WeftText
      emit; ///< "", or one of weft linalg llvm asm ptx obj so explain: text or bytes instead of a program
  WeftText dataFile; ///< large constants of text go into this .npz, which the text names; empty: text is for
                     ///< people, large constants are left out
  WeftText dumpDir;  ///< the IR after each stage goes here, a file each; empty: nowhere
  WeftText cacheDir; ///< machine code of kernels is kept in this cache folder; empty: nowhere
  WeftText buildId;  ///< of the compiler's library: part of the keys there
  WeftText reproducer; ///< a file for a crash reproducer; empty: none
  /// To try tilings on this machine; 0: earlier results are left out; below: they are used.
  double tuneSeconds;
  int32_t threads;       ///< 0: all
  int32_t verify;        ///< verify the IR between passes
  int32_t hashConstants; ///< in the program, for `inspect --verify` and others who get the file
  int32_t boundedOnly;   ///< refuse dimensions without an upper bound unless dynamicDims names them
  int32_t allowFallback; ///< for a GPU: what has no kernel there may run on the CPU
  // Over which workers (Program/MeshSpec.h): with a mesh the result is a .weftjob file.
  WeftText mesh;          ///< "data:2,model:2", of one stage; empty: one worker
  const WeftText *shards; ///< "w=_,model"
  size_t numShards;
  int32_t stages;       ///< of the pipeline; 0: one
  const WeftText *cuts; ///< nodes that a stage begins at; none: stages of equal cost
  size_t numCuts;
  const WeftText *rankTargets; ///< "1=cuda-emu": ranks with another target
  size_t numRankTargets;
  int32_t explain;  ///< emit "explain": the reason of each transfer too
  WeftText svgFile; ///< a picture of roles and transfers goes here; empty: none
  void *user;       ///< handed to the callbacks, which may be called from several threads, never at once
  void (*diagnostic)(void *user, int32_t severity, WeftText message);
  /// `stage` while tuning: "tune: " and words about it.
  void (*progress)(void *user, WeftText stage, int64_t done, int64_t total);
  void (*stageTime)(void *user, WeftText stage, double wallMs, double cpuMs);
  void (*output)(void *user, const void *bytes, size_t numBytes); ///< pieces of the result, in order
} WeftCompileRequest;

enum { WEFT_ATTR_INT = 0, WEFT_ATTR_FLOAT = 1, WEFT_ATTR_TEXT = 2, WEFT_ATTR_INTS = 3, WEFT_ATTR_BOOL = 4 };

/// An attribute of an op of the weft dialect, by its name there. Texts name enum cases: kind = "add".
typedef struct WeftOpAttribute {
  WeftText name;
  int32_t kind;
  int64_t number;      ///< WEFT_ATTR_INT, WEFT_ATTR_BOOL
  double real;         ///< WEFT_ATTR_FLOAT
  WeftText text;       ///< WEFT_ATTR_TEXT
  const int64_t *list; ///< WEFT_ATTR_INTS
  size_t numList;
} WeftOpAttribute;

/// Functions return 0, or not 0 after a message (of the request, or of graphError). `compile` says what kind
/// of error it is by a number of weft::Code: 3 INVALID_ARGUMENT, the model or the request is wrong; 5
/// NOT_FOUND, the request itself: a mesh, a sharding or a name in it; 12 UNIMPLEMENTED, it asks for what is
/// not done; 13 INTERNAL, a bug.
typedef struct WeftCompilerApi {
  uint32_t version;
  /// Text that differs between any two builds of the compiler.
  const char *buildId;

  int32_t (*compile)(const WeftCompileRequest *request);

  // Building graphs: values are numbers from 0. Not thread-safe per graph.
  WeftGraphHandle *(*graphCreate)(void);
  void (*graphDestroy)(WeftGraphHandle *);
  /// The message of the last failure.
  WeftText (*graphError)(WeftGraphHandle *);
  /// An argument. dtype: number of weft::DType; dims: extents, -1 with a name in dimNames.
  int32_t (*graphInput)(WeftGraphHandle *, WeftText name, int32_t dtype, const int64_t *dims,
                        const WeftText *dimNames, size_t rank, int64_t *value);
  int32_t (*graphConstant)(WeftGraphHandle *, int32_t dtype, const int64_t *dims, size_t rank,
                           const void *bytes, size_t numBytes, int64_t *value);
  /// An op of the weft dialect by its name ("add", "conv"). Result types are inferred; an op that has no
  /// inference takes its result's dtype from `resultDtype` (-1: none). `results` has room for `maxResults`.
  int32_t (*graphOp)(WeftGraphHandle *, WeftText op, const int64_t *operands, size_t numOperands,
                     const WeftOpAttribute *attributes, size_t numAttributes, int32_t resultDtype,
                     int64_t *results, size_t maxResults, size_t *numResults);
  int32_t (*graphOutput)(WeftGraphHandle *, WeftText name, int64_t value);
  /// Type of a value: rank and extents (-1: dynamic); dims has room for 32.
  int32_t (*graphType)(WeftGraphHandle *, int64_t value, int32_t *dtype, int64_t *dims, size_t *rank);
  /// The graph as text of the weft dialect, through `output`.
  int32_t (*graphText)(WeftGraphHandle *, void *user, void (*output)(void *, const void *, size_t));
} WeftCompilerApi;

/// The one exported symbol: null when the version asked for is not this library's.
const WeftCompilerApi *weftCompilerApi(uint32_t version);
typedef const WeftCompilerApi *(*WeftCompilerApiFunction)(uint32_t version);

#ifdef __cplusplus
}
#endif

#endif // WEFT_PROGRAM_COMPILERAPI_H
