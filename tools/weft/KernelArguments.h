// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Parameters of a kernel from the command line: buffers of the emulated device, scalars, tensor maps.
#ifndef WEFT_TOOLS_WEFT_KERNELARGUMENTS_H
#define WEFT_TOOLS_WEFT_KERNELARGUMENTS_H

#include "weft/Runtime/Emulator/Emulator.h"
#include "weft/Support/HostTensor.h"

#include <deque>
#include <string>
#include <vector>

namespace weft::driver {

/// For CLI11: empty when the text is NAME=VALUE with a value that KernelArguments understands.
std::string isKernelArgument(const std::string &text);

class KernelArguments {
public:
  /// Adds the next parameter; a buffer gets memory of the device.
  Status add(const std::string &text, runtime::emulator::Emulator &device);
  /// Holds them against the kernel's parameters, a letter each (see WeftEmulatedKernelInfo).
  Status check(const std::string &parameters) const;
  std::vector<runtime::emulator::KernelParameter> parameters() const;

  /// Whether there is a buffer of that name; an error that lists them.
  Result<size_t> find(const std::string &name) const;
  /// A copy of a buffer.
  Result<HostTensor> download(const std::string &name) const;
  /// The buffers that are results, `show` elements of each; those that nobody wrote say so.
  std::string print(const runtime::emulator::Emulator &device, int show) const;

private:
  struct Argument {
    std::string name;
    char kind = 'p';            ///< the letter of the parameter
    std::vector<uint8_t> value; ///< its bytes
    bool isResult = false;
    DType dtype = DType::Invalid; ///< of a buffer
    std::vector<int64_t> shape;
    size_t numBytes = 0;

    void *memory() const;
    bool isBuffer() const { return dtype != DType::Invalid; }
  };
  Status addBuffer(Argument argument, const HostTensor *content, runtime::emulator::Emulator &device);
  Status addMap(const std::string &name, const std::string &value);

  std::deque<Argument> arguments;
};

} // namespace weft::driver

#endif // WEFT_TOOLS_WEFT_KERNELARGUMENTS_H
