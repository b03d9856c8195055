// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Memory and work of a Session on its device. Launches only enter the stream; what their checks found is seen
// at the next wait, by a record for each launch.
#include "OnDevice.h"

#include <algorithm>
#include <map>
#include <utility>

namespace weft::runtime {

using namespace program;

// ---- What Sessions share ----

static Result<std::shared_ptr<const ProgramOnDevice>> bringToDevice(const Program &program,
                                                                    std::shared_ptr<Device> device) {
  auto made = std::make_shared<ProgramOnDevice>();
  made->device = std::move(device);
  WEFT_ASSIGN_OR_RETURN(made->code, made->device->load(program));
  WEFT_ASSIGN_OR_RETURN(const std::unique_ptr<DeviceStream> stream, made->device->createStream({}));
  WEFT_RETURN_IF_ERROR(stream->begin());
  std::map<std::pair<const void *, int64_t>, std::shared_ptr<const DeviceMemory>> known;
  for (const Constant &constant : program.constants) {
    const HostTensor &value = constant.value;
    std::shared_ptr<const DeviceMemory> &memory = known[{value.raw(), value.numBytes()}];
    if (!memory) {
      const auto upload = [&]() -> Status {
        WEFT_ASSIGN_OR_RETURN(DeviceMemory room, DeviceMemory::allocate(made->device, value.numBytes()));
        memory = std::make_shared<const DeviceMemory>(std::move(room));
        return stream->upload(memory->data(), value.raw(), value.numBytes());
      };
      WEFT_RETURN_IF_ERROR(upload().context(concat("constant '", constant.name, "'")));
    }
    made->constants.push_back(memory);
  }
  WEFT_RETURN_IF_ERROR(stream->synchronize());
  return std::shared_ptr<const ProgramOnDevice>(std::move(made));
}

Result<std::shared_ptr<const ProgramOnDevice>> ProgramOnDevice::get(const Executable::Impl &executable,
                                                                    std::string_view kind, int number) {
  const Program &program = executable.loaded.program;
  if (kind.empty())
    kind = program.device;
  if (!program.isForGpu() && kind != program::device::cpu)
    return invalidArgument("the program was compiled for the CPU, asked to run on ", kind);
  if (program.isForGpu() && kind == program::device::cpu)
    return invalidArgument("the program was compiled for ", program.device, ", asked to run on the CPU");
  WEFT_ASSIGN_OR_RETURN(std::shared_ptr<Device> device, openDevice(kind, number));
  const std::lock_guard<std::mutex> lock(executable.deviceMutex);
  std::weak_ptr<const ProgramOnDevice> &known = executable.onDevices[device->name()];
  std::shared_ptr<const ProgramOnDevice> shared = known.lock();
  if (!shared) {
    WEFT_ASSIGN_OR_RETURN(shared, bringToDevice(program, std::move(device)));
    known = shared;
  }
  return shared;
}

// ---- A Session's part ----

Result<std::unique_ptr<OnDevice>> OnDevice::create(const Executable::Impl &executable, std::string_view kind,
                                                   int number, const EmulatorMode &mode) {
  auto made = std::make_unique<OnDevice>();
  made->program = &executable.loaded.program;
  WEFT_ASSIGN_OR_RETURN(made->shared, ProgramOnDevice::get(executable, kind, number));
  WEFT_ASSIGN_OR_RETURN(made->queue, made->shared->device->createStream(mode));
  made->pending.reserve(DeviceStream::numFaults);
  WEFT_RETURN_IF_ERROR(made->queue->begin());
  for (const Variable &variable : made->program->variables) {
    const auto bring = [&]() -> Status {
      WEFT_ASSIGN_OR_RETURN(const int64_t bytes, checkedNumBytes(variable.dtype, variable.dims));
      WEFT_ASSIGN_OR_RETURN(DeviceMemory memory, DeviceMemory::allocate(made->shared->device, bytes));
      made->variables.push_back(std::move(memory));
      std::byte *to = made->variables.back().data();
      return variable.initial == noId
                 ? made->queue->fill(to, bytes, 0, 1)
                 : made->queue->upload(to, made->program->constants[variable.initial].value.raw(), bytes);
    };
    WEFT_RETURN_IF_ERROR(bring().context(concat("variable '", variable.name, "'")));
  }
  WEFT_RETURN_IF_ERROR(made->queue->synchronize());
  return made;
}

OnDevice::~OnDevice() {
  if (queue)
    abandon(); // before its memory goes
}

Status OnDevice::grow(DeviceMemory &memory, int64_t bytes) {
  if (memory.data() && memory.bytes() < bytes)
    WEFT_RETURN_IF_ERROR(queue->synchronize()); // somebody may be using it
  return memory.reserve(shared->device, bytes);
}

Result<std::byte *> OnDevice::room(std::vector<DeviceMemory> &list, size_t number, int64_t bytes) {
  if (list.size() <= number)
    list.resize(number + 1);
  WEFT_RETURN_IF_ERROR(grow(list[number], bytes));
  return list[number].data();
}

Status OnDevice::launch(const Command &command, const DeviceLaunch &launch) {
  if (pending.size() == DeviceStream::numFaults)
    WEFT_RETURN_IF_ERROR(finish());
  DeviceLaunch numbered = launch;
  numbered.fault = uint32_t(pending.size());
  pending.push_back(&command);
  return queue->launch(*shared->code, numbered);
}

/// The first launch whose check failed is told of; what came after it worked on nonsense.
Status OnDevice::checkFaults() {
  const std::span<WeftFault> records = queue->faults();
  Status status;
  for (size_t i = 0; i < pending.size(); ++i) {
    WeftFault &record = records[i];
    if (record.check == 0) [[likely]]
      continue;
    if (status.isOk()) {
      failed = pending[i];
      status = checkError(program->kernels[std::get<Launch>(failed->what).kernel], record);
    }
    record = {};
  }
  pending.clear();
  return status;
}

Status OnDevice::read(void *to, const std::byte *from, int64_t bytes) {
  WEFT_RETURN_IF_ERROR(queue->download(to, from, bytes));
  return checkFaults();
}

Status OnDevice::finish() {
  WEFT_RETURN_IF_ERROR(queue->synchronize());
  return checkFaults();
}

void OnDevice::abandon() {
  (void)queue->synchronize();
  (void)checkFaults();
  failed = nullptr;
  traced.clear();
}

/// Memory of the host in the tensor, which is kept for the next time.
static Result<std::byte *> hostRoom(HostTensor &tensor, int64_t bytes) {
  if (!tensor.isValid() || tensor.numBytes() < bytes) {
    WEFT_ASSIGN_OR_RETURN(tensor, HostTensor::zeros(DType::UI8, {bytes}));
  }
  return tensor.mutableBytes().data();
}

Result<std::byte *> OnDevice::stageOut(uint32_t channel, const std::byte *from, int64_t bytes) {
  WEFT_ASSIGN_OR_RETURN(std::byte *const room, hostRoom(staged[channel].out, bytes));
  WEFT_RETURN_IF_ERROR(read(room, from, bytes));
  return room;
}

Result<std::byte *> OnDevice::stageIn(uint32_t channel, std::byte *to, int64_t bytes) {
  Staged &transfer = staged[channel];
  transfer.place = to;
  transfer.bytes = bytes;
  return hostRoom(transfer.in, bytes);
}

Status OnDevice::endStaged(uint32_t channel) {
  Staged &transfer = staged[channel];
  std::byte *const place = std::exchange(transfer.place, nullptr);
  return place ? queue->upload(place, transfer.in.raw(), transfer.bytes) : Status::ok();
}

Status OnDevice::downloadArguments(std::span<HostBuffer> arguments) {
  hostCopies.resize(std::max(hostCopies.size(), arguments.size()));
  for (size_t i = 0; i < arguments.size(); ++i) {
    HostBuffer &argument = arguments[i];
    WEFT_ASSIGN_OR_RETURN(const int64_t bytes, checkedNumBytes(argument.dtype, argument.dims));
    WEFT_ASSIGN_OR_RETURN(std::byte *const memory, hostRoom(hostCopies[i], bytes));
    if (!argument.isResult)
      WEFT_RETURN_IF_ERROR(read(memory, static_cast<const std::byte *>(argument.data), bytes));
    argument.data = memory;
  }
  return Status::ok();
}

Status OnDevice::uploadResults(std::span<const HostBuffer> arguments, std::span<std::byte *const> places) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (!arguments[i].isResult)
      continue;
    WEFT_ASSIGN_OR_RETURN(const int64_t bytes, checkedNumBytes(arguments[i].dtype, arguments[i].dims));
    WEFT_RETURN_IF_ERROR(queue->upload(places[i], arguments[i].data, bytes));
  }
  return Status::ok();
}

// ---- Times ----

Status OnDevice::beginTraced(Trace &trace) {
  if (2 * traced.size() == DeviceStream::numMarks)
    WEFT_RETURN_IF_ERROR(flushTrace(trace));
  return queue->mark(uint32_t(2 * traced.size()));
}

Status OnDevice::endTraced(const TraceEvent &event) {
  const auto number = uint32_t(2 * traced.size() + 1);
  traced.push_back(event);
  return queue->mark(number);
}

Status OnDevice::flushTrace(Trace &trace) {
  WEFT_RETURN_IF_ERROR(queue->synchronize());
  for (size_t i = 0; i < traced.size(); ++i) {
    WEFT_ASSIGN_OR_RETURN(traced[i].start, queue->timeOf(uint32_t(2 * i)));
    WEFT_ASSIGN_OR_RETURN(traced[i].end, queue->timeOf(uint32_t(2 * i + 1)));
    trace.record(traced[i]);
  }
  traced.clear();
  return Status::ok();
}

} // namespace weft::runtime
