// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What emulated GPU kernels and the emulator agree on. A kernel is a function that runs one GPU thread; what
// is not plain arithmetic (memory, barriers, exchanges between lanes, asynchronous copies, matrix units) it
// asks of a table of functions that comes with the thread's state, so that its image imports nothing.
// Plain C; a change of meaning raises WEFT_EMULATOR_ABI.
//
// Every function that can fail or wait takes the `site` it is called from: the source location, a 0, and the
// name of the op, ended by a 0. Sites of different ops have different addresses.
#ifndef WEFT_PROGRAM_EMULATORABI_H
#define WEFT_PROGRAM_EMULATORABI_H

#include <stdint.h>

#define WEFT_EMULATOR_ABI 1

#ifdef __cplusplus
extern "C" {
#endif

/// Values that a thread reads from WeftEmulator::registers.
enum WeftSpecialRegister {
  WEFT_SREG_TID, ///< x, y, z, as all that follow
  WEFT_SREG_NTID = WEFT_SREG_TID + 3,
  WEFT_SREG_CTAID = WEFT_SREG_NTID + 3,
  WEFT_SREG_NCTAID = WEFT_SREG_CTAID + 3,
  WEFT_SREG_CLUSTERID = WEFT_SREG_NCTAID + 3,
  WEFT_SREG_NCLUSTERID = WEFT_SREG_CLUSTERID + 3,
  WEFT_SREG_CLUSTER_CTAID = WEFT_SREG_NCLUSTERID + 3,
  WEFT_SREG_CLUSTER_NCTAID = WEFT_SREG_CLUSTER_CTAID + 3,
  WEFT_SREG_CLUSTER_CTARANK = WEFT_SREG_CLUSTER_NCTAID + 3,
  WEFT_SREG_CLUSTER_NCTARANK,
  WEFT_SREG_LANEID,
  WEFT_SREG_WARPID,
  WEFT_SREG_NWARPID,
  WEFT_SREG_DYNAMIC_SMEM_SIZE,
  WEFT_SREG_TOTAL_SMEM_SIZE,
  WEFT_NUM_SREGS
};

/// What WeftEmulatorFunctions::access is told, or-ed together.
enum WeftAccessKind {
  WEFT_ACCESS_READ = 1,
  WEFT_ACCESS_WRITE = 2,
  WEFT_ACCESS_ATOMIC = 4,
  WEFT_ACCESS_ACQUIRE = 8,
  WEFT_ACCESS_RELEASE = 16,
};

enum WeftFenceKind {
  WEFT_FENCE_MEMORY,        ///< membar, fence: orders this thread's accesses for others
  WEFT_FENCE_PROXY_ASYNC,   ///< between ordinary accesses and those of asynchronous copies and wgmma
  WEFT_FENCE_MBARRIER_INIT, ///< makes initialised mbarriers known to asynchronous copies
};

enum WeftShuffleKind { WEFT_SHUFFLE_BFLY, WEFT_SHUFFLE_UP, WEFT_SHUFFLE_DOWN, WEFT_SHUFFLE_IDX };
enum WeftVoteKind { WEFT_VOTE_ANY, WEFT_VOTE_ALL, WEFT_VOTE_BALLOT, WEFT_VOTE_UNI };
enum WeftMatchKind { WEFT_MATCH_ANY, WEFT_MATCH_ALL };
/// Reductions over the lanes of a warp (redux), and of a block's barrier (popc, and, or of predicates).
enum WeftReduceKind {
  WEFT_REDUCE_ADD,
  WEFT_REDUCE_AND,
  WEFT_REDUCE_OR,
  WEFT_REDUCE_XOR,
  WEFT_REDUCE_SMIN,
  WEFT_REDUCE_SMAX,
  WEFT_REDUCE_UMIN,
  WEFT_REDUCE_UMAX,
  WEFT_REDUCE_FMIN,
  WEFT_REDUCE_FMAX,
  WEFT_REDUCE_POPC,
  WEFT_REDUCE_NONE,
  WEFT_REDUCE_INC,
  WEFT_REDUCE_DEC,
};
/// Of f32 reductions over lanes: absolute values first; NaN when any lane has one.
enum WeftReduceFlags { WEFT_REDUCE_ABS = 1, WEFT_REDUCE_NAN = 2 };

/// Element types of matrix units and tensor maps.
enum WeftElementType {
  WEFT_F16,
  WEFT_BF16,
  WEFT_TF32,
  WEFT_F32,
  WEFT_F64,
  WEFT_E4M3,
  WEFT_E5M2,
  WEFT_S8,
  WEFT_U8,
  WEFT_S32,
  WEFT_U16,
  WEFT_U32,
  WEFT_U64,
  WEFT_S64,
};

/// One mma.sync. Fragments are arrays of this lane's registers in the order of the PTX manual.
typedef struct WeftMma {
  uint16_t m, n, k;
  uint8_t a, b, c, d; ///< WeftElementType
  uint8_t saturate;   ///< of integers: clamp instead of wrap
} WeftMma;

/// One wgmma.mma_async of a warpgroup: D = scaleD * D + scaleA * A * scaleB * B.
typedef struct WeftWgmma {
  uint16_t m, n, k;
  uint8_t a, b, d;
  uint8_t useD;                   ///< else D starts from zero
  uint8_t negateA, negateB;       ///< of floats
  uint8_t transposeA, transposeB; ///< M-major A, N-major B: 16-bit types only
  uint8_t saturate;
} WeftWgmma;

enum WeftArriveFlags { WEFT_ARRIVE_DROP = 1, WEFT_ARRIVE_NO_COMPLETE = 2, WEFT_ARRIVE_RELAXED = 4 };
enum WeftWaitFlags {
  WEFT_WAIT_PARITY = 1, ///< the value is a parity, else a state that an arrival returned
  WEFT_WAIT_BLOCK = 2,  ///< wait until the phase is complete, else only ask
};

/// Functions of one f32 or f64 value that the host's instruction set lacks.
enum WeftMathFunction {
  WEFT_MATH_EXP2,
  WEFT_MATH_LOG2,
  WEFT_MATH_EXP,
  WEFT_MATH_LOG,
  WEFT_MATH_SIN,
  WEFT_MATH_COS,
  WEFT_MATH_TANH,
  WEFT_MATH_RSQRT,
  WEFT_MATH_EXP10,
  WEFT_MATH_LOG10,
  WEFT_MATH_FLUSH = 256, ///< or-ed to it: denormal arguments and results are 0
};

typedef struct WeftEmulator WeftEmulator;

typedef struct WeftEmulatorFunctions {
  uint32_t version; ///< WEFT_EMULATOR_ABI
  uint32_t numBytes;

  // Memory. `access` checks an ordinary or atomic access before it is made and returns where to make it: the
  // address, or a harmless one after an error.
  void *(*access)(const WeftEmulator *, void *address, uint32_t size, uint32_t align, uint32_t kind,
                  const char *site);
  void (*fence)(const WeftEmulator *, uint32_t kind, const char *site);
  uint64_t (*sharedOffset)(const WeftEmulator *, const void *address);
  void *(*sharedAddress)(const WeftEmulator *, uint64_t offset);
  void *(*mapShared)(const WeftEmulator *, void *address, uint32_t rank, const char *site);
  void (*copyMemory)(const WeftEmulator *, void *to, const void *from, uint64_t bytes, const char *site);
  void (*fillMemory)(const WeftEmulator *, void *to, uint32_t byte, uint64_t bytes, const char *site);

  // Barriers. A count of 0 means all threads of the block that have not ended.
  void (*barrier)(const WeftEmulator *, uint32_t id, uint32_t count, const char *site);
  uint32_t (*barrierReduce)(const WeftEmulator *, uint32_t id, uint32_t count, uint32_t kind,
                            uint32_t predicate, const char *site);
  void (*barrierArrive)(const WeftEmulator *, uint32_t id, uint32_t count, const char *site);
  void (*clusterArrive)(const WeftEmulator *, uint32_t relaxed, const char *site);
  void (*clusterWait)(const WeftEmulator *, const char *site);

  // Lanes of a warp.
  void (*warpBarrier)(const WeftEmulator *, uint32_t mask, const char *site);
  /// The value; bit 32: the source lane was in range.
  uint64_t (*shuffle)(const WeftEmulator *, uint32_t mask, uint32_t kind, uint32_t value, uint32_t offset,
                      uint32_t maskAndClamp, const char *site);
  uint32_t (*vote)(const WeftEmulator *, uint32_t mask, uint32_t kind, uint32_t predicate, const char *site);
  /// The lanes that match; bit 32: all do.
  uint64_t (*match)(const WeftEmulator *, uint32_t mask, uint32_t kind, uint64_t value, const char *site);
  uint32_t (*reduce)(const WeftEmulator *, uint32_t mask, uint32_t kind, uint32_t flags, uint32_t value,
                     const char *site);
  uint32_t (*elect)(const WeftEmulator *, uint32_t mask, const char *site);

  // Matrix units.
  void (*ldmatrix)(const WeftEmulator *, void *row, uint32_t count, uint32_t transpose, void *result,
                   const char *site);
  void (*stmatrix)(const WeftEmulator *, void *row, uint32_t count, uint32_t transpose, const void *values,
                   const char *site);
  void (*mma)(const WeftEmulator *, const WeftMma *shape, const void *a, const void *b, const void *c,
              void *d, const char *site);
  /// `registersA` is null when A lies in shared memory too.
  void (*wgmma)(const WeftEmulator *, const WeftWgmma *shape, uint64_t descriptorA, const void *registersA,
                uint64_t descriptorB, void *accumulators, const char *site);
  void (*wgmmaFence)(const WeftEmulator *, const char *site);
  void (*wgmmaCommit)(const WeftEmulator *, const char *site);
  void (*wgmmaWait)(const WeftEmulator *, uint32_t pending, const char *site);

  // Asynchronous copies of threads (cp.async).
  void (*copyAsync)(const WeftEmulator *, void *to, const void *from, uint32_t size, uint32_t sourceSize,
                    const char *site);
  void (*copyAsyncCommit)(const WeftEmulator *, const char *site);
  void (*copyAsyncWait)(const WeftEmulator *, uint32_t pending, const char *site);
  void (*copyAsyncArrive)(const WeftEmulator *, void *mbarrier, uint32_t noIncrement, const char *site);

  // Barriers in memory.
  void (*mbarrierInit)(const WeftEmulator *, void *mbarrier, uint32_t count, const char *site);
  void (*mbarrierInvalidate)(const WeftEmulator *, void *mbarrier, const char *site);
  void (*mbarrierExpect)(const WeftEmulator *, void *mbarrier, uint32_t bytes, const char *site);
  void (*mbarrierComplete)(const WeftEmulator *, void *mbarrier, uint32_t bytes, const char *site);
  uint64_t (*mbarrierArrive)(const WeftEmulator *, void *mbarrier, uint32_t count, uint32_t expectedBytes,
                             uint32_t flags, const char *site);
  uint32_t (*mbarrierWait)(const WeftEmulator *, void *mbarrier, uint64_t stateOrParity, uint32_t flags,
                           const char *site);

  // Bulk copies (TMA).
  void (*tensorLoad)(const WeftEmulator *, void *to, const void *map, void *mbarrier, uint32_t rank,
                     const int32_t *coordinates, uint32_t multicast, const char *site);
  void (*tensorStore)(const WeftEmulator *, const void *map, const void *from, uint32_t rank,
                      const int32_t *coordinates, uint32_t reduce, const char *site);
  void (*bulkLoad)(const WeftEmulator *, void *to, const void *from, void *mbarrier, uint32_t bytes,
                   uint32_t multicast, const char *site);
  void (*bulkStore)(const WeftEmulator *, void *to, const void *from, uint32_t bytes, const char *site);
  void (*bulkCommit)(const WeftEmulator *, const char *site);
  void (*bulkWait)(const WeftEmulator *, uint32_t pending, uint32_t readsOnly, const char *site);

  // The rest.
  void (*setMaxRegisters)(const WeftEmulator *, uint32_t count, uint32_t increase, const char *site);
  void (*gridDependency)(const WeftEmulator *, uint32_t launchDependents, const char *site);
  void (*trap)(const WeftEmulator *, const char *site);
  float (*mathF32)(const WeftEmulator *, uint32_t function, float x);
  double (*mathF64)(const WeftEmulator *, uint32_t function, double x);
  float (*powF32)(const WeftEmulator *, float x, float y);
  double (*powF64)(const WeftEmulator *, double x, double y);
  double (*remainder)(const WeftEmulator *, double x, double y); ///< frem: the sign of x
  /// Rounds to nearest even and packs, `low` in the low half. Of F16, BF16, E4M3 or E5M2.
  uint32_t (*convertPair)(const WeftEmulator *, uint32_t type, uint32_t saturate, float high, float low);
} WeftEmulatorFunctions;

/// One GPU thread, as its code sees it.
struct WeftEmulator {
  const WeftEmulatorFunctions *functions;
  uint8_t *shared; ///< shared memory of this block
  uint32_t checks; ///< every access goes through `access`; else only what waits or exchanges is asked for
  uint32_t registers[WEFT_NUM_SREGS];
};

/// Runs one thread. `params[i]` points to the value of parameter i, as for cuLaunchKernel.
typedef void (*WeftEmulatedKernel)(const WeftEmulator *, void *const *params);

/// What a kernel NAME says of itself, in the exported constant NAME.info.
typedef struct WeftEmulatedKernelInfo {
  uint32_t abi;
  uint32_t maxThreads;    ///< per block (x*y*z); 0: not said
  uint32_t clusterBlocks; ///< 0: not said
  uint32_t numParameters;
  uint64_t staticShared; ///< bytes of shared memory before the dynamic part
  /// A letter each: p pointer, l i64, i i32, s i16, b i8, d f64, f f32, h 16-bit float, m bytes by value.
  char parameters[104];
} WeftEmulatedKernelInfo;

#ifdef __cplusplus
}
#endif

#endif // WEFT_PROGRAM_EMULATORABI_H
