// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Draws a program as a graph in layers: a command stands below all whose results it reads. An arrow over
// several layers has a place of its own in each of them; within a layer, things are ordered by where what
// they hang on stands.
#include "ProfilePicture.h"

#include "weft/Program/Visit.h"
#include "weft/Support/Svg.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <set>

using namespace weft;
using namespace weft::driver;
using namespace weft::program;

namespace {

constexpr int boxWidth = 252, boxHeight = 58, wireWidth = 14, gapX = 22, gapY = 34, margin = 24;

/// A box, or the place of an arrow that passes through a layer.
struct Node {
  CommandPicture picture;
  bool isBox = true;
  int layer = 0, x = 0; // x: of the middle
  double order = 0;
  std::vector<size_t> above; // what it hangs on
  int width() const { return isBox ? boxWidth : wireWidth; }
};

/// One function's graph.
class FunctionPicture {
public:
  FunctionPicture(const Function &function, const std::function<CommandPicture(const Command &)> &describe) {
    std::map<std::pair<BufferKind, uint32_t>, size_t> lastWriter;
    const auto placeOf = [&](BufferId id) {
      // A variable may have several buffers; temporary memory is what its buffer is.
      id = rootOf(function, id);
      const Buffer &buffer = function.buffers[id];
      return std::pair(buffer.kind, buffer.kind == BufferKind::Arena ? id : buffer.index);
    };
    const auto addBox = [&](const std::string &title, const std::string &fact) {
      Node node;
      node.picture.title = title;
      node.picture.fact = fact;
      nodes.push_back(std::move(node));
      return nodes.size() - 1;
    };
    for (size_t i = 0; i < function.inputs.size(); ++i)
      lastWriter[{BufferKind::Input, uint32_t(i)}] = addBox(function.inputs[i].name, "input");
    for (const Command &command : function.commands) {
      CommandPicture picture = describe(command);
      if (!picture.isShown)
        continue;
      Node node;
      node.picture = std::move(picture);
      forEachBuffer(command, [&](BufferId id, bool isWritten) {
        const auto writer = lastWriter.find(placeOf(id));
        if (!isWritten && writer != lastWriter.end())
          node.above.push_back(writer->second);
      });
      nodes.push_back(std::move(node));
      forEachBuffer(command, [&](BufferId id, bool isWritten) {
        if (isWritten)
          lastWriter[placeOf(id)] = nodes.size() - 1;
      });
    }
    for (size_t i = 0; i < function.outputs.size(); ++i)
      if (const auto writer = lastWriter.find({BufferKind::Output, uint32_t(i)});
          writer != lastWriter.end()) {
        const size_t from = writer->second;
        nodes[addBox(function.outputs[i].name, "output")].above = {from};
      }
    arrange();
  }

  int width() const { return totalWidth; }
  int height() const { return int(layers.size()) * (boxHeight + gapY); }

  void draw(Svg &svg, int left, int top) const {
    const auto topOf = [&](const Node &node) { return top + node.layer * (boxHeight + gapY); };
    for (const Node &node : nodes)
      for (const size_t from : node.above) {
        const Node &above = nodes[from];
        const int x0 = left + above.x, y0 = topOf(above) + boxHeight, x1 = left + node.x, y1 = topOf(node);
        std::string path = concat("M", x0, ",", y0, " C", x0, ",", y0 + gapY / 2, " ", x1, ",", y1 - gapY / 2,
                                  " ", x1, ",", y1);
        if (!node.isBox)
          path += concat(" V", y1 + boxHeight); // on through this layer
        svg.path(node.isBox ? "arrow" : "wire", path);
      }
    for (const Node &node : nodes) {
      if (!node.isBox)
        continue;
      const int x = left + node.x - boxWidth / 2, y = topOf(node);
      const CommandPicture &picture = node.picture;
      svg.box("box", x, y, boxWidth, boxHeight, colourOf(picture.heat),
              concat(picture.title, picture.nodes.empty() ? "" : "\n", picture.nodes));
      const char *dark = picture.heat > 0.6 ? " hot" : "";
      svg.text(concat("name", dark), x + 10, y + 18, shortened(picture.title, 32));
      svg.text(concat("fact", dark), x + 10, y + 34, shortened(picture.fact, 44));
      svg.text(concat("node", dark), x + 10, y + 50, shortened(picture.nodes, 40));
    }
  }

  /// From nearly white over orange to red.
  static std::string colourOf(double heat) {
    constexpr int stops[][3] = {
        {0xf8, 0xf9, 0xfb}, {0xfd, 0xd4, 0x9e}, {0xfc, 0x8d, 0x59}, {0xb3, 0x1d, 0x12}};
    const double at = std::clamp(heat, 0.0, 1.0) * 3;
    const int below = std::min(int(at), 2);
    char text[8];
    const auto mixed = [&](int channel) {
      return int(stops[below][channel] + (at - below) * (stops[below + 1][channel] - stops[below][channel]));
    };
    std::snprintf(text, sizeof text, "#%02x%02x%02x", unsigned(mixed(0)), unsigned(mixed(1)),
                  unsigned(mixed(2)));
    return text;
  }

private:
  void arrange() {
    // Nodes are in the order that they run in: what one hangs on stands before it.
    for (Node &node : nodes) {
      std::sort(node.above.begin(), node.above.end());
      node.above.erase(std::unique(node.above.begin(), node.above.end()), node.above.end());
      for (const size_t from : node.above)
        node.layer = std::max(node.layer, nodes[from].layer + 1);
    }
    // An input stands above the first that reads it, not at the top.
    std::vector<int> firstReader(nodes.size(), -1);
    for (const Node &node : nodes)
      for (const size_t from : node.above)
        if (firstReader[from] < 0 || node.layer < firstReader[from])
          firstReader[from] = node.layer;
    for (size_t i = 0; i < nodes.size(); ++i)
      if (nodes[i].above.empty() && firstReader[i] > 0)
        nodes[i].layer = firstReader[i] - 1;
    // Arrows over several layers, those of one result together.
    std::map<std::pair<size_t, int>, size_t> wires;
    for (size_t i = 0, boxes = nodes.size(); i < boxes; ++i)
      for (size_t k = 0; k < nodes[i].above.size(); ++k) {
        const size_t source = nodes[i].above[k];
        size_t last = source;
        for (int layer = nodes[source].layer + 1; layer < nodes[i].layer; ++layer) {
          const auto [wire, isNew] = wires.try_emplace({source, layer}, nodes.size());
          if (isNew) {
            Node node;
            node.isBox = false;
            node.layer = layer;
            node.above = {last};
            nodes.push_back(std::move(node));
          }
          last = wire->second;
        }
        nodes[i].above[k] = last;
      }
    for (size_t i = 0; i < nodes.size(); ++i) {
      layers.resize(std::max(layers.size(), size_t(nodes[i].layer) + 1));
      layers[size_t(nodes[i].layer)].push_back(i);
    }
    std::vector<std::vector<size_t>> below(nodes.size());
    for (size_t i = 0; i < nodes.size(); ++i)
      for (const size_t from : nodes[i].above)
        below[from].push_back(i);
    for (int sweep = 0; sweep < 4; ++sweep) {
      const bool isDown = sweep % 2 == 0;
      for (size_t n = 0; n < layers.size(); ++n)
        sortLayer(layers[isDown ? n : layers.size() - 1 - n], [&](size_t i) -> const std::vector<size_t> & {
          return isDown ? nodes[i].above : below[i];
        });
    }
    for (const std::vector<size_t> &layer : layers) {
      int width = -gapX;
      for (const size_t i : layer)
        width += nodes[i].width() + gapX;
      totalWidth = std::max(totalWidth, width);
    }
    for (const std::vector<size_t> &layer : layers) {
      int width = -gapX;
      for (const size_t i : layer)
        width += nodes[i].width() + gapX;
      int x = (totalWidth - width) / 2;
      for (const size_t i : layer) {
        nodes[i].x = x + nodes[i].width() / 2;
        x += nodes[i].width() + gapX;
      }
    }
  }

  template <class Neighbours> void sortLayer(std::vector<size_t> &layer, Neighbours &&neighboursOf) {
    for (const size_t i : layer) {
      const std::vector<size_t> &neighbours = neighboursOf(i);
      double sum = 0;
      for (const size_t other : neighbours)
        sum += nodes[other].order;
      if (!neighbours.empty())
        nodes[i].order = sum / double(neighbours.size());
    }
    std::stable_sort(layer.begin(), layer.end(),
                     [&](size_t a, size_t b) { return nodes[a].order < nodes[b].order; });
    for (size_t n = 0; n < layer.size(); ++n)
      nodes[layer[n]].order = double(n) - double(layer.size() - 1) / 2; // counted from the middle
  }

  std::vector<Node> nodes;
  std::vector<std::vector<size_t>> layers;
  int totalWidth = boxWidth;
};

} // namespace

std::string driver::drawProgram(const Program &program, FunctionId entry, std::string_view title,
                                std::string_view subtitle,
                                const std::function<CommandPicture(const Command &)> &describe) {
  std::vector<FunctionId> reached{entry};
  std::set<FunctionId> seen{entry};
  for (size_t i = 0; i < reached.size(); ++i)
    for (const Command &command : program.functions[reached[i]].commands)
      forEachCallee(command, [&](FunctionId callee) {
        if (seen.insert(callee).second)
          reached.push_back(callee);
      });
  std::vector<FunctionPicture> pictures;
  constexpr int head = 92, titleHeight = 34;
  int width = 640, height = head + margin;
  for (const FunctionId id : reached) {
    pictures.emplace_back(program.functions[id], describe);
    width = std::max(width, pictures.back().width() + 2 * margin);
    height += pictures.back().height() + titleHeight;
  }
  Svg svg(width, height,
          ".title{font-size:17px;font-weight:bold}.name{font-weight:bold}.fact{font-size:11px;fill:#39424e}"
          ".node{font-size:11px;fill:#5a6270}.hot{fill:#ffffff}.box{stroke:#8b97a8;stroke-width:1}"
          ".arrow,.wire{stroke:#8b97a8;stroke-width:1.4;fill:none}.scale{stroke:none}"
          ".function{font-size:14px;font-weight:bold;fill:#39424e}");
  svg.text("title", margin, 32, title);
  svg.text("fact", margin, 52, subtitle);
  for (int i = 0; i < 20; ++i)
    svg.box("scale", margin + 12 * i, 62, 12, 10, FunctionPicture::colourOf(i / 19.0));
  svg.text("fact", margin + 252, 71, "share of the time, from none to the largest");
  int top = head + margin;
  for (size_t i = 0; i < pictures.size(); ++i) {
    if (pictures.size() > 1)
      svg.text("function", margin, top - 10, program.functions[reached[i]].name);
    pictures[i].draw(svg, (width - pictures[i].width()) / 2, top);
    top += pictures[i].height() + titleHeight;
  }
  return svg.finish();
}
