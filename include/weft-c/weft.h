/* Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Weft's public C API: compile or load a program, run it on memory of the caller. Functions that can fail
 * return NULL on success, else an error that the caller deletes. Programs may be shared by threads; a session
 * runs one call at a time: make one per thread.
 */
#ifndef WEFT_C_WEFT_H
#define WEFT_C_WEFT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct WeftError WeftError;
typedef struct WeftProgram WeftProgram;
typedef struct WeftSession WeftSession;
typedef struct WeftResults WeftResults;

/* Element types. BF16, F16 and the F8 types are given as their bits; I1 is a byte, 0 or 1; types narrower
 * than a byte are packed, low bits first. */
typedef enum WeftDType {
  WEFT_F64 = 1,
  WEFT_F32 = 2,
  WEFT_BF16 = 3,
  WEFT_F16 = 4,
  WEFT_I64 = 5,
  WEFT_I32 = 6,
  WEFT_I16 = 7,
  WEFT_I8 = 8,
  WEFT_UI64 = 9,
  WEFT_UI32 = 10,
  WEFT_UI16 = 11,
  WEFT_UI8 = 12,
  WEFT_I1 = 13,
  WEFT_I4 = 14,
  WEFT_UI4 = 15,
  WEFT_I2 = 16,
  WEFT_UI2 = 17,
  WEFT_F8E4M3FN = 18,
  WEFT_F8E5M2 = 19,
  WEFT_F4E2M1FN = 20,
  WEFT_F8E8M0FNU = 21,
  WEFT_DTYPE_MAX = 0x7fffffff /* no type: makes any int a value of this enum, to be refused by name */
} WeftDType;

/* Codes of errors: those of gRPC. */
typedef enum WeftCode {
  WEFT_OK = 0,
  WEFT_CANCELLED = 1,
  WEFT_UNKNOWN = 2,
  WEFT_INVALID_ARGUMENT = 3,
  WEFT_NOT_FOUND = 5,
  WEFT_PERMISSION_DENIED = 7,
  WEFT_RESOURCE_EXHAUSTED = 8,
  WEFT_FAILED_PRECONDITION = 9,
  WEFT_OUT_OF_RANGE = 11,
  WEFT_UNIMPLEMENTED = 12,
  WEFT_INTERNAL = 13,
  WEFT_UNAVAILABLE = 14,
  WEFT_DATA_LOSS = 15
} WeftCode;

/* Row-major elements in memory of the caller. Memory aligned to 64 bytes is used in place, other memory is
 * copied. */
typedef struct WeftTensor {
  WeftDType dtype;
  size_t rank;
  const int64_t *dims;
  void *data; /* not written to when the tensor is an input */
} WeftTensor;

/* An input or output of a program. The pointers belong to the program. */
typedef struct WeftValue {
  const char *name;
  WeftDType dtype;
  size_t rank;
  const int64_t *dims;         /* -1 where the extent is known only when the program runs */
  const char *const *dimNames; /* of those: "batch", "2 * n"; "" for others */
} WeftValue;

typedef struct WeftType {
  WeftDType dtype;
  size_t rank;
} WeftType;

/* An option of the compiler, named like the driver's flags: "target-cpu", "dynamic-dim" (batch:1:64), "shape"
 * (image=1x3x224x224), "numerics", "compile-threads", "cache" (on, off). dynamic-dim and shape may come
 * often. */
typedef struct WeftOption {
  const char *name, *value;
} WeftOption;

const char *weftVersion(void);

/* Errors. Every function takes NULL for "no error": WEFT_OK, "", nothing to delete. */
WeftCode weftErrorCode(const WeftError *error);
const char *weftErrorMessage(const WeftError *error);
void weftErrorDelete(WeftError *error);

/* Loads a .weft file. Its code runs in this process: load only files you would execute. */
WeftError *weftProgramLoad(const char *path, WeftProgram **program);
/* The same from memory, which is copied. */
WeftError *weftProgramLoadBytes(const void *bytes, size_t size, WeftProgram **program);
/* Compiles a model (.onnx, .mlir), or finds it in the cache; loads a .weft file. Opens libWeftCompiler.so
 * when it has to compile. */
WeftError *weftProgramCompile(const char *model, const WeftOption *options, size_t numOptions,
                              WeftProgram **program);
/* Compiles a model to a .weft file. */
WeftError *weftModelCompile(const char *model, const WeftOption *options, size_t numOptions,
                            const char *path);
/* Sessions keep what they need of the program. */
void weftProgramDelete(WeftProgram *program);

size_t weftProgramNumInputs(const WeftProgram *program);
size_t weftProgramNumOutputs(const WeftProgram *program);
/* `index` must be below the number of them. */
WeftValue weftProgramInput(const WeftProgram *program, size_t index);
WeftValue weftProgramOutput(const WeftProgram *program, size_t index);
/* Fails unless the program has inputs and outputs of these types and ranks. */
WeftError *weftProgramCheck(const WeftProgram *program, const WeftType *inputs, size_t numInputs,
                            const WeftType *outputs, size_t numOutputs);

/* threads: at most so many for a run; 0: all that this process may use. */
WeftError *weftSessionCreate(const WeftProgram *program, int threads, WeftSession **session);
void weftSessionDelete(WeftSession *session);
/* Runs on inputs in the program's order and writes into the caller's outputs, whose extents must be right. */
WeftError *weftSessionRun(WeftSession *session, const WeftTensor *inputs, size_t numInputs,
                          const WeftTensor *outputs, size_t numOutputs);
/* The same with new memory for the outputs: for extents the caller does not know. */
WeftError *weftSessionRunNew(WeftSession *session, const WeftTensor *inputs, size_t numInputs,
                             WeftResults **results);
/* Ends the run in progress with WEFT_CANCELLED. From any thread. */
void weftSessionCancel(WeftSession *session);

size_t weftResultsSize(const WeftResults *results);
/* `index` must be below the size. Valid until the results are deleted. */
WeftTensor weftResultsTensor(const WeftResults *results, size_t index);
void weftResultsDelete(WeftResults *results);

#ifdef __cplusplus
}
#endif

#endif /* WEFT_C_WEFT_H */
