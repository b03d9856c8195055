// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Damages ONNX models in ways that bytes changed at random seldom do: types, ranks, numbers, names of ops.
#ifndef WEFT_TEST_UNIT_IMPORT_VANDAL_H
#define WEFT_TEST_UNIT_IMPORT_VANDAL_H

#include "OnnxWire.pb.h"
#include "weft/Import/Onnx/Importer.h"
#include <cstring>
#include <random>

namespace weft {

/// Changes one thing of a well-formed model into something that no exporter writes.
class Vandal {
public:
  explicit Vandal(uint64_t seed) : random(seed) {}

  void damage(onnx_wire::GraphProto &graph) {
    switch (random() % 4) {
    case 0:
      if (graph.input_size())
        damageType(*graph.mutable_input(pick(graph.input_size())));
      break;
    case 1:
      if (graph.initializer_size())
        damageTensor(*graph.mutable_initializer(pick(graph.initializer_size())));
      break;
    default:
      if (graph.node_size())
        damageNode(graph, *graph.mutable_node(pick(graph.node_size())));
    }
  }

private:
  int pick(int count) { return int(random() % uint64_t(count)); }
  int64_t number() {
    static const int64_t numbers[] = {
        -1,        0,         1,         2,         3,         -2,           7, 64, 1 << 20,
        INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, 1LL << 40, -(1LL << 40), 5};
    return numbers[random() % std::size(numbers)];
  }
  void damageType(onnx_wire::ValueInfoProto &info) {
    auto &tensor = *info.mutable_type()->mutable_tensor_type();
    int rank = tensor.shape().dim_size();
    switch (random() % 4) {
    case 0:
      tensor.set_elem_type(int32_t(random() % 27));
      break;
    case 1:
      tensor.mutable_shape()->add_dim()->set_dim_value(number());
      break;
    case 2:
      if (rank)
        tensor.mutable_shape()->mutable_dim()->RemoveLast();
      break;
    default:
      if (rank)
        tensor.mutable_shape()->mutable_dim(pick(rank))->set_dim_value(number());
    }
  }
  void damageTensor(onnx_wire::TensorProto &tensor) {
    switch (random() % 4) {
    case 0:
      tensor.set_data_type(int32_t(random() % 27));
      break;
    case 1:
      if (tensor.dims_size())
        tensor.set_dims(pick(tensor.dims_size()), number());
      break;
    case 2: // the same bytes under another rank
      tensor.clear_dims();
      break;
    default: {
      std::string &raw = *tensor.mutable_raw_data();
      int64_t value = number();
      if (raw.size() >= sizeof value && tensor.data_type() == onnx_wire::TensorProto::INT64)
        std::memcpy(raw.data() + sizeof value * size_t(pick(int(raw.size() / sizeof value))), &value,
                    sizeof value);
      else if (!raw.empty())
        raw[size_t(pick(int(raw.size())))] = char(random());
    }
    }
  }
  void damageNode(onnx_wire::GraphProto &graph, onnx_wire::NodeProto &node) {
    switch (random() % 6) {
    case 0:
      if (node.input_size() > 1)
        node.mutable_input()->SwapElements(0, 1 + pick(node.input_size() - 1));
      break;
    case 1:
      if (node.input_size())
        node.set_input(pick(node.input_size()), "");
      break;
    case 2:
      if (node.input_size() && graph.input_size())
        node.set_input(pick(node.input_size()), graph.input(pick(graph.input_size())).name());
      break;
    case 3: // another op with the same operands
      node.set_op_type(ops[random() % ops.size()]);
      break;
    case 4:
      if (node.attribute_size())
        node.mutable_attribute()->RemoveLast();
      break;
    default:
      if (!node.attribute_size())
        return;
      auto &attribute = *node.mutable_attribute(pick(node.attribute_size()));
      attribute.set_i(number());
      attribute.set_f(float(number()));
      if (attribute.ints_size())
        attribute.set_ints(pick(attribute.ints_size()), number());
      else if (random() % 2)
        attribute.add_ints(number());
      if (attribute.has_g())
        damage(*attribute.mutable_g());
      if (attribute.has_t())
        damageTensor(*attribute.mutable_t());
    }
  }

  std::mt19937_64 random;
  std::vector<std::string> ops = onnx::getSupportedOnnxOps();
};

} // namespace weft

#endif // WEFT_TEST_UNIT_IMPORT_VANDAL_H
