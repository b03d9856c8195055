// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Draws a partition: a box per role with its ranks, cost, inputs, outputs and collectives, in the order of
// the stages, and an arrow for what one stage sends another.
#include "Summary.h"

#include "weft/Partition/Partition.h"
#include "weft/Support/Status.h"
#include "weft/Support/Svg.h"

using namespace mlir;
using namespace weft;
using namespace weft::dist;

namespace {

constexpr int width = 420, gap = 190, left = 24, top = 84, line = 20, shown = 14;

struct Line {
  std::string text, style;
};

std::vector<Line> linesOf(const RoleSummary &role) {
  std::vector<Line> lines;
  lines.push_back({"ranks " + std::to_string(role.firstRank) + " to " +
                       std::to_string(role.firstRank + role.numRanks - 1) + ", " +
                       std::to_string(role.numOps) + " ops",
                   "fact"});
  lines.push_back(
      {flopsText(role.cost.flops) + ", " + bytesText(role.cost.bytes) + " read and written", "fact"});
  for (const std::string &input : role.inputs)
    lines.push_back({"in   " + input, "value"});
  for (const std::string &output : role.outputs)
    lines.push_back({"out  " + output, "value"});
  int count = 0;
  for (const TransferSummary &transfer : role.transfers) {
    if (transfer.peer >= 0)
      continue;
    if (count++ < shown)
      lines.push_back(
          {transfer.what + "  " + transfer.value + "  " + bytesText(double(transfer.bytes)), "move"});
  }
  if (count > shown)
    lines.push_back({"and " + std::to_string(count - shown) + " more collectives", "fact"});
  if (count == 0)
    lines.push_back({"no collectives", "fact"});
  return lines;
}

} // namespace

std::string dist::drawPartition(ModuleOp graph, ModuleOp roles) {
  PartitionSummary summary = summarize(graph, roles);
  std::vector<std::vector<Line>> boxes;
  size_t most = 0;
  for (const RoleSummary &role : summary.roles) {
    boxes.push_back(linesOf(role));
    most = std::max(most, boxes.back().size());
  }
  int boxHeight = int(most) * line + 48, count = int(boxes.size());
  // Arrows past a neighbour run below the boxes, each pair of stages on a line of its own.
  std::map<std::pair<int64_t, int64_t>, std::pair<int64_t, int64_t>> sent; // messages, bytes
  for (const RoleSummary &role : summary.roles)
    for (const TransferSummary &transfer : role.transfers)
      if (transfer.peer >= 0 && !transfer.isReceive) {
        auto &[messages, bytes] = sent[{role.stage, transfer.peer}];
        ++messages;
        bytes += transfer.bytes;
      }
  int far = 0;
  for (const auto &[pair, what] : sent)
    far += pair.second != pair.first + 1;
  int totalWidth = 2 * left + count * width + (count - 1) * gap;
  int totalHeight = top + boxHeight + far * 34 + 30;
  Svg svg(totalWidth, totalHeight,
          ".title{font-size:17px;font-weight:bold}.role{font-size:15px;font-weight:bold}.fact{fill:#5a6270}"
          ".value{font-family:monospace;font-size:12px}"
          ".move{font-family:monospace;font-size:12px;fill:#8a3b00}"
          ".box{fill:#f6f8fb;stroke:#8b97a8;stroke-width:1.5}"
          ".arrow{stroke:#8a3b00;stroke-width:2;fill:none;marker-end:url(#head)}");
  svg.text("title", left, 32,
           concat(summary.numRanks, " ranks: mesh ", summary.mesh,
                  count > 1 ? concat(", ", count, " stages") : std::string()));
  svg.text("fact", left, 56, "bytes are what one rank sends in one step");
  auto boxX = [&](int64_t stage) { return left + int(stage) * (width + gap); };
  for (auto [i, lines] : llvm::enumerate(boxes)) {
    int x = boxX(i);
    svg.box("box", x, top, width, boxHeight);
    svg.text("role", x + 12, top + 24, summary.roles[i].name);
    for (auto [n, text] : llvm::enumerate(lines))
      svg.text(text.style, x + 12, top + 48 + int(n) * line, shortened(text.text, 55));
  }
  int lane = 0;
  for (const auto &[pair, what] : sent) {
    auto [from, to] = pair;
    auto [messages, bytes] = what;
    std::string label =
        concat(messages, messages == 1 ? " tensor, " : " tensors, ", bytesText(double(bytes)));
    if (to == from + 1) {
      int x = boxX(from) + width, y = top + boxHeight / 2;
      svg.path("arrow", concat("M", x + 6, ",", y, " H", x + gap - 6));
      svg.text("label", x + gap / 2, y - 10, label, true);
      continue;
    }
    int y = top + boxHeight + 24 + 34 * lane++;
    int fromX = boxX(from) + width / 2 + 12 * int(to - from),
        toX = boxX(to) + width / 2 - 12 * int(to - from);
    svg.path("arrow",
             concat("M", fromX, ",", top + boxHeight + 2, " V", y, " H", toX, " V", top + boxHeight + 4));
    svg.text("label", (fromX + toX) / 2, y - 6, label, true);
  }
  return svg.finish();
}
