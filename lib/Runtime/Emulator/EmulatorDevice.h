// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The emulator as a device of the runtime.
#ifndef WEFT_LIB_RUNTIME_EMULATOR_EMULATORDEVICE_H
#define WEFT_LIB_RUNTIME_EMULATOR_EMULATORDEVICE_H

#include "weft/Runtime/Device.h"

namespace weft::runtime::emulator {

/// There is one: the number is 0.
Result<std::shared_ptr<Device>> openEmulatorDevice(int number);

} // namespace weft::runtime::emulator

#endif // WEFT_LIB_RUNTIME_EMULATOR_EMULATORDEVICE_H
