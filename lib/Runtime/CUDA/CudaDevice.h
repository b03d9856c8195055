// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// GPUs behind the CUDA driver, as devices of the runtime.
#ifndef WEFT_LIB_RUNTIME_CUDA_CUDADEVICE_H
#define WEFT_LIB_RUNTIME_CUDA_CUDADEVICE_H

#include "weft/Runtime/Device.h"

namespace weft::runtime::cuda {

/// The GPU of that number, as the driver counts them.
Result<std::shared_ptr<Device>> openCudaDevice(int number);

} // namespace weft::runtime::cuda

#endif // WEFT_LIB_RUNTIME_CUDA_CUDADEVICE_H
