// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tells of a partition: roles, what each has and computes, and each transfer with its bytes and reason, in
// the order of the role's program.
#include "Summary.h"

#include "weft/Dialect/Weft/WeftOps.h"
#include "weft/Partition/Partition.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace weft;
using namespace weft::dist;

static std::string scaled(double number, ArrayRef<StringRef> units, double step) {
  size_t unit = 0;
  while (number >= step && unit + 1 < units.size()) {
    number /= step;
    ++unit;
  }
  return llvm::formatv(unit == 0 ? "{0:F0} {1}" : "{0:F1} {1}", number, units[unit]).str();
}

std::string dist::bytesText(double bytes) { return scaled(bytes, {"B", "KiB", "MiB", "GiB"}, 1024); }
std::string dist::flopsText(double flops) { return scaled(flops, {"flop", "kflop", "Mflop", "Gflop"}, 1000); }

int64_t RoleSummary::bytesSent() const {
  int64_t bytes = 0;
  for (const TransferSummary &transfer : transfers)
    bytes += transfer.isReceive ? 0 : transfer.bytes;
  return bytes;
}

static std::string typeText(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  std::string text;
  llvm::raw_string_ostream os(text);
  for (int64_t extent : tensor.getShape())
    os << (ShapedType::isDynamic(extent) ? "?" : std::to_string(extent)) << "x";
  os << tensor.getElementType();
  return text;
}

/// "x: 8x16xf32 [data, _], a part 4x16xf32".
static std::string valueText(DictionaryAttr attrs, Type local, MeshAttr mesh) {
  auto name = attrs.getAs<StringAttr>("weft.name");
  auto whole = attrs.getAs<TypeAttr>("dist.whole");
  auto sharding = attrs.getAs<ShardingAttr>(DistDialect::getShardingAttrName());
  std::string text = name ? name.str() : "?";
  if (!whole || !sharding)
    return text + ": " + typeText(local);
  text += ": " + typeText(whole.getValue()) + " " + toText(Sharding::get(sharding, mesh), mesh);
  if (whole.getValue() != local)
    text += ", a part " + typeText(local);
  return text;
}

static TransferSummary summarizeTransfer(Operation *start, StringRef location) {
  TransferSummary transfer;
  transfer.channel = start->getAttrOfType<IntegerAttr>("channel").getInt();
  auto bytes = start->getAttrOfType<IntegerAttr>("bytes");
  transfer.bytes = bytes ? bytes.getInt() : 0;
  auto reason = start->getAttrOfType<StringAttr>("reason");
  transfer.reason = reason ? reason.str() : "";
  transfer.location = location.str();
  transfer.what = start->getName().stripDialect().drop_back(StringRef("_start").size()).str();
  if (auto combine = start->getAttrOfType<CombineAttr>("combine"))
    transfer.what += " " + stringifyCombine(combine.getValue()).str();
  if (auto axes = start->getAttrOfType<ArrayAttr>("axes")) {
    std::string names;
    for (auto axis : axes.getAsRange<StringAttr>())
      names += (names.empty() ? "" : "+") + axis.str();
    if (auto broadcast = dyn_cast<BroadcastStartOp>(start))
      transfer.what += " of " + std::to_string(broadcast.getMember());
    transfer.what += " over " + names;
  }
  Type value = cast<TokenType>(start->getResult(0).getType()).getValue();
  if (auto send = dyn_cast<SendStartOp>(start)) {
    transfer.peer = send.getStage();
    transfer.what += " to stage " + std::to_string(transfer.peer);
  } else if (auto recv = dyn_cast<RecvStartOp>(start)) {
    transfer.peer = recv.getStage();
    transfer.isReceive = true;
    transfer.what += " from stage " + std::to_string(transfer.peer);
  }
  transfer.value = typeText(start->getNumOperands() ? start->getOperand(0).getType() : value);
  return transfer;
}

/// "dot_general 'fc1': 4x16xf32, 16x16xf32 -> 4x16xf32".
static std::string summarizeOp(Operation *op) {
  std::string text = describe(op);
  const char *separator = ": ";
  for (Type type : op->getOperandTypes()) {
    text += separator + typeText(type);
    separator = ", ";
  }
  separator = " -> ";
  for (Type type : op->getResultTypes()) {
    text += separator + typeText(type);
    separator = ", ";
  }
  return text;
}

PartitionSummary dist::summarize(ModuleOp graphModule, ModuleOp roles) {
  PartitionSummary summary;
  MeshAttr mesh = getMesh(roles);
  for (auto [name, size] : llvm::zip(mesh.getNames(), mesh.getSizes()))
    summary.mesh += (summary.mesh.empty() ? "" : " x ") + name.str() + " " + std::to_string(size);
  if (auto choices = graphModule->getAttrOfType<ArrayAttr>("dist.choices"))
    for (auto choice : choices.getAsRange<StringAttr>())
      summary.choices.push_back(choice.str());
  for (auto role : roles.getOps<ModuleOp>()) {
    auto main = role.lookupSymbol<func::FuncOp>("main");
    RoleSummary text;
    text.name = role.getSymName().value_or("worker").str();
    text.stage = getStage(role);
    text.numRanks = mesh.getNumWorkers();
    text.firstRank = text.stage * text.numRanks;
    for (unsigned i = 0; i < main.getNumArguments(); ++i)
      text.inputs.push_back(valueText(main.getArgAttrDict(i), main.getArgumentTypes()[i], mesh));
    for (unsigned i = 0; i < main.getNumResults(); ++i)
      text.outputs.push_back(valueText(main.getResultAttrDict(i), main.getResultTypes()[i], mesh));
    for (Operation &op : main.getBody().front()) {
      if (isStart(&op)) {
        text.transfers.push_back(summarizeTransfer(&op, firstName(op.getLoc())));
        text.transfers.back().opsBefore = text.ops.size();
      } else if (!isa<DoneOp, ConstantOp, ir::ConstantOp>(op) && !op.hasTrait<OpTrait::IsTerminator>()) {
        text.ops.push_back(summarizeOp(&op));
      }
    }
    summary.roles.push_back(std::move(text));
  }
  summary.numRanks = mesh.getNumWorkers() * summary.roles.size();
  auto main = graphModule.lookupSymbol<func::FuncOp>("main");
  Graph graph{main, mesh};
  Places places(mesh);
  if (failed(places.read(graph)))
    return summary;
  for (Operation &op : graph.block()) {
    if (isa<ir::ConstantOp, ReshardOp>(op) || op.hasTrait<OpTrait::IsTerminator>())
      continue;
    RoleSummary &role = summary.roles[getStage(&op)];
    if (!isa<ShardingOpInterface, ir::DimOp>(op))
      summary.wholeOps.push_back(describe(&op));
    role.cost += costOf(&op, places, mesh);
    ++role.numOps;
  }
  return summary;
}

std::string dist::describePartition(ModuleOp graph, ModuleOp roles, bool explain) {
  PartitionSummary summary = summarize(graph, roles);
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "mesh " << summary.mesh;
  if (summary.roles.size() > 1)
    os << ", " << summary.roles.size() << " stages";
  os << ": " << summary.numRanks << " ranks\n";
  for (const std::string &choice : summary.choices)
    os << "default: " << choice << "\n";
  for (const std::string &op : summary.wholeOps)
    os << "whole on every rank: " << op << ", which has no sharding rule\n";
  for (const RoleSummary &role : summary.roles) {
    os << "\nrole " << role.name << ": ranks " << role.firstRank << " to "
       << role.firstRank + role.numRanks - 1 << ", " << role.numOps << " ops, " << flopsText(role.cost.flops)
       << ", " << bytesText(role.cost.bytes) << " read and written\n";
    for (const std::string &input : role.inputs)
      os << "  input  " << input << "\n";
    for (const std::string &output : role.outputs)
      os << "  output " << output << "\n";
    size_t op = 0;
    auto listOps = [&](size_t end) {
      for (; explain && op < end; ++op)
        os << "  op " << role.ops[op] << "\n";
    };
    for (const TransferSummary &transfer : role.transfers) {
      listOps(transfer.opsBefore);
      os << "  channel " << transfer.channel << ": " << transfer.what << ", " << transfer.value;
      if (!transfer.isReceive)
        os << ", sends " << transfer.bytes << " bytes";
      os << "\n";
      if (explain && !transfer.reason.empty())
        os << "    because " << transfer.reason << "\n";
    }
    listOps(role.ops.size());
    if (role.transfers.empty())
      os << "  nothing is sent\n";
    else
      os << "  each rank sends " << bytesText(double(role.bytesSent())) << " per step\n";
  }
  return text;
}
