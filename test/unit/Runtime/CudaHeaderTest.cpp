// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Holds what Driver.h writes down of the driver's interface against cuda.h. Built where the toolkit is
// installed.
#include "Runtime/CUDA/Driver.h"

#include <cstddef>
#include <cuda.h>
#include <gtest/gtest.h>

namespace mine = weft::runtime::cuda;

static_assert(sizeof(mine::LaunchConfig) == sizeof(CUlaunchConfig));
static_assert(offsetof(mine::LaunchConfig, sharedBytes) == offsetof(CUlaunchConfig, sharedMemBytes));
static_assert(offsetof(mine::LaunchConfig, stream) == offsetof(CUlaunchConfig, hStream));
static_assert(offsetof(mine::LaunchConfig, attributes) == offsetof(CUlaunchConfig, attrs));
static_assert(offsetof(mine::LaunchConfig, numAttributes) == offsetof(CUlaunchConfig, numAttrs));
static_assert(sizeof(mine::LaunchAttribute) == sizeof(CUlaunchAttribute));
static_assert(offsetof(mine::LaunchAttribute, value) == offsetof(CUlaunchAttribute, value));
static_assert(sizeof(mine::CuPointer) == sizeof(CUdeviceptr) && sizeof(mine::CuDevice) == sizeof(CUdevice));

TEST(CudaHeader, NumbersAreTheDrivers) {
  EXPECT_EQ(mine::LaunchAttribute::clusterDimension, unsigned(CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION));
  EXPECT_EQ(mine::result::outOfMemory, CUDA_ERROR_OUT_OF_MEMORY);
  EXPECT_EQ(mine::result::stubLibrary, CUDA_ERROR_STUB_LIBRARY);
  EXPECT_EQ(mine::result::noDevice, CUDA_ERROR_NO_DEVICE);
  EXPECT_EQ(mine::result::invalidPtx, CUDA_ERROR_INVALID_PTX);
  EXPECT_EQ(mine::result::unsupportedPtx, CUDA_ERROR_UNSUPPORTED_PTX_VERSION);
  EXPECT_EQ(mine::result::notReady, CUDA_ERROR_NOT_READY);
  EXPECT_EQ(mine::deviceAttribute::computeMajor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
  EXPECT_EQ(mine::deviceAttribute::computeMinor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
  EXPECT_EQ(mine::deviceAttribute::maxSharedOptIn, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
  EXPECT_EQ(mine::deviceAttribute::memoryPools, CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED);
  EXPECT_EQ(mine::functionAttribute::maxThreadsPerBlock, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK);
  EXPECT_EQ(mine::functionAttribute::maxDynamicShared, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES);
  EXPECT_EQ(mine::functionAttribute::nonPortableCluster, CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED);
  EXPECT_EQ(mine::jit::errorLog, CU_JIT_ERROR_LOG_BUFFER);
  EXPECT_EQ(mine::jit::errorLogSize, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES);
  EXPECT_EQ(mine::poolReleaseThreshold, CU_MEMPOOL_ATTR_RELEASE_THRESHOLD);
  EXPECT_EQ(mine::streamNonBlocking, unsigned(CU_STREAM_NON_BLOCKING));
  EXPECT_EQ(mine::hostAllocPortable, unsigned(CU_MEMHOSTALLOC_PORTABLE));
}
