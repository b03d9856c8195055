// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads and writes the side file of an .mlir file; see SideFile.h.
#include "weft/Pipeline/SideFile.h"

#include "weft/Dialect/Weft/WeftOps.h"
#include "weft/Support/Npy.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace weft;
using namespace weft::ir;

/// The #weft.data attributes of a module, each with an op that holds it.
static llvm::MapVector<DataAttr, Operation *> dataOf(ModuleOp module) {
  llvm::MapVector<DataAttr, Operation *> found;
  module.walk([&](ConstantOp op) {
    if (auto data = dyn_cast<DataAttr>(op.getValue()))
      found.insert({data, op});
  });
  return found;
}

LogicalResult weft::loadSideFile(ModuleOp module, const std::string &path) {
  auto name = module->getAttrOfType<StringAttr>("weft.data_file");
  auto wanted = dataOf(module);
  if (!name)
    return success();
  llvm::SmallString<128> file(llvm::sys::path::parent_path(path));
  llvm::sys::path::append(file, llvm::sys::path::filename(name.getValue()));
  Result<NamedTensors> arrays = readNpz(file.str().str());
  if (!arrays.isOk())
    return module.emitError("data file ") << file << ": " << arrays.status().message();
  auto &store = module.getContext()->getLoadedDialect<WeftDialect>()->getDataStore();
  for (auto [data, op] : wanted) {
    const HostTensor *bytes = nullptr;
    for (const auto &[key, tensor] : *arrays)
      if (key == data.getHash())
        bytes = &tensor;
    if (!bytes)
      return op->emitOpError("names data ") << data.getHash() << ", which " << file << " does not hold";
    auto type = cast<RankedTensorType>(data.getType());
    Result<HostTensor> tensor =
        HostTensor::copyOf(toDType(type.getElementType()), type.getShape().vec(), bytes->bytes());
    if (!tensor.isOk())
      return op->emitOpError("data ")
             << data.getHash() << " in " << file << ": " << tensor.status().message();
    if (store.add(*tensor) != data.getHash())
      return op->emitOpError("data ")
             << data.getHash() << " in " << file << " has another hash: the file was changed";
  }
  return success();
}

LogicalResult weft::saveSideFile(ModuleOp module, const std::string &path) {
  NamedTensors arrays;
  for (auto [data, op] : dataOf(module)) {
    FailureOr<HostTensor> tensor = toHostTensor(data);
    if (failed(tensor))
      return op->emitOpError("has no elements in the data store");
    Result<HostTensor> bytes = HostTensor::view(DType::UI8, {tensor->numBytes()}, tensor->raw(), nullptr);
    if (!bytes.isOk())
      return op->emitOpError("data: ") << bytes.status().message();
    arrays.emplace_back(data.getHash().str(), *bytes);
  }
  Status status = writeNpz(path, arrays);
  if (!status.isOk())
    return module.emitError("data file: ") << status.message();
  return success();
}
