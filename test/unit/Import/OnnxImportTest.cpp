// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The ONNX importer on small models made here: signatures, dims, shape arithmetic, control flow, errors.
#include "OnnxWire.pb.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "weft/Dialect/Weft/WeftOps.h"
#include "weft/Import/Onnx/Importer.h"
#include "weft/Support/File.h"
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace weft;
using namespace weft::onnx_wire;
using testing::HasSubstr;
using testing::Not;

namespace {

/// Builds a model field by field.
struct Model {
  ModelProto proto;

  explicit Model(int64_t opset = 21) {
    proto.set_ir_version(8);
    proto.add_opset_import()->set_version(opset);
    proto.mutable_graph()->set_name("g");
  }
  GraphProto &graph() { return *proto.mutable_graph(); }

  /// Dims are numbers or names.
  static void setType(ValueInfoProto &info, const std::string &name, const std::vector<std::string> &dims,
                      int32_t type = TensorProto::FLOAT) {
    info.set_name(name);
    auto &tensor = *info.mutable_type()->mutable_tensor_type();
    tensor.set_elem_type(type);
    tensor.mutable_shape();
    for (const std::string &dim : dims) {
      auto &to = *tensor.mutable_shape()->add_dim();
      if (dim.empty())
        continue;
      if (std::isdigit(dim[0]))
        to.set_dim_value(std::stoll(dim));
      else
        to.set_dim_param(dim);
    }
  }
  Model &input(const std::string &name, const std::vector<std::string> &dims,
               int32_t type = TensorProto::FLOAT) {
    setType(*graph().add_input(), name, dims, type);
    return *this;
  }
  Model &output(const std::string &name) {
    graph().add_output()->set_name(name);
    return *this;
  }
  static NodeProto &addNode(GraphProto &graph, const std::string &op, const std::vector<std::string> &inputs,
                            const std::vector<std::string> &outputs, const std::string &name = "") {
    NodeProto &node = *graph.add_node();
    node.set_op_type(op);
    node.set_name(name.empty() ? outputs.empty() ? op : outputs[0] + "_node" : name);
    for (const std::string &input : inputs)
      node.add_input(input);
    for (const std::string &output : outputs)
      node.add_output(output);
    return node;
  }
  NodeProto &node(const std::string &op, const std::vector<std::string> &inputs,
                  const std::vector<std::string> &outputs, const std::string &name = "") {
    return addNode(graph(), op, inputs, outputs, name);
  }
  static void setInt(NodeProto &node, const std::string &name, int64_t value) {
    AttributeProto &attribute = *node.add_attribute();
    attribute.set_name(name);
    attribute.set_type(AttributeProto::INT);
    attribute.set_i(value);
  }
  Model &ints(const std::string &name, const std::vector<int64_t> &values, bool scalar = false) {
    TensorProto &tensor = *graph().add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(TensorProto::INT64);
    if (!scalar)
      tensor.add_dims(int64_t(values.size()));
    for (int64_t value : values)
      tensor.add_int64_data(value);
    return *this;
  }
};

/// A module as text, or the errors.
struct Imported {
  std::string text, errors;
};

std::string print(mlir::ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream out(text);
  module.print(out);
  return text;
}

Imported importBytes(const std::string &bytes, const onnx::ImportOptions &options = {}) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  Imported imported;
  mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) {
    llvm::raw_string_ostream out(imported.errors);
    out << diagnostic.getLocation() << ": " << diagnostic.str() << "\n";
    return mlir::success();
  });
  auto module = onnx::importOnnxBytes(std::as_bytes(std::span(bytes)), "model.onnx", context, options);
  if (mlir::succeeded(module))
    imported.text = print(**module);
  return imported;
}

Imported import(const Model &model, const onnx::ImportOptions &options = {}) {
  return importBytes(model.proto.SerializeAsString(), options);
}

TEST(OnnxImport, NamesSignatureAndDims) {
  Model model;
  model.input("x", {"batch", "3", ""}).output("y");
  model.node("Relu", {"x"}, {"y"});
  onnx::ImportOptions options;
  options.dynamicDims["batch"] = {1, 64};
  Imported imported = import(model, options);
  ASSERT_EQ(imported.errors, "");
  EXPECT_THAT(imported.text, HasSubstr("weft.dims = {batch = array<i64: 1, 64>, x_d2 = array<i64: 0, -1>}"));
  EXPECT_THAT(imported.text, HasSubstr("weft.name = \"x\""));
  EXPECT_THAT(imported.text, HasSubstr("weft.name = \"y\""));
  EXPECT_THAT(imported.text, HasSubstr("tensor<?x3x?xf32, #weft.dims<[batch, _, x_d2]>>"));
  EXPECT_THAT(imported.text, HasSubstr("weft.relu"));
}

TEST(OnnxImport, SpecialisesDims) {
  Model model;
  model.input("x", {"batch", "3"}).input("z", {"batch"}).output("y");
  model.node("Identity", {"z"}, {"y"});
  onnx::ImportOptions options;
  options.specialise["x"] = {8, 3};
  Imported imported = import(model, options);
  ASSERT_EQ(imported.errors, "");
  EXPECT_THAT(imported.text, HasSubstr("tensor<8xf32>"));
  options.specialise["x"] = {8, 4};
  EXPECT_THAT(import(model, options).errors,
              HasSubstr("found extent 4 for dimension 1 of input 'x', wanted 3"));
  options = {};
  options.dims["bathc"] = 8;
  EXPECT_THAT(import(model, options).errors, HasSubstr("found no dimension 'bathc'"));
}

TEST(OnnxImport, FollowsShapeArithmetic) {
  // y = reshape(x, [shape(x)[0], 3 * 4])
  Model model;
  model.input("x", {"batch", "3", "4"}).output("y");
  model.ints("zero", {0}, true).ints("last", {-1});
  model.node("Shape", {"x"}, {"shape"});
  Model::setInt(model.node("Gather", {"shape", "zero"}, {"n"}), "axis", 0);
  model.ints("front", {0});
  model.node("Unsqueeze", {"n", "front"}, {"n1"});
  Model::setInt(model.node("Concat", {"n1", "last"}, {"wanted"}), "axis", 0);
  model.node("Reshape", {"x", "wanted"}, {"y"});
  Imported imported = import(model);
  ASSERT_EQ(imported.errors, "");
  EXPECT_THAT(imported.text, HasSubstr("-> tensor<?x12xf32, #weft.dims<[batch, _]>>"));
  EXPECT_THAT(imported.text, Not(HasSubstr("weft.gather")));
  EXPECT_THAT(imported.text, Not(HasSubstr("weft.concat")));
}

TEST(OnnxImport, BroadcastsUnprovedExtentsAtRunTime) {
  Model model;
  model.input("a", {"n", "4"}).input("b", {"m", "4"}).input("c", {"4"}).output("y").output("z");
  model.node("Add", {"a", "b"}, {"y"});
  model.node("Add", {"a", "c"}, {"z"});
  Imported imported = import(model);
  ASSERT_EQ(imported.errors, "");
  EXPECT_THAT(imported.text, HasSubstr("weft.broadcast"));
  EXPECT_THAT(imported.text, HasSubstr("weft.select"));
  EXPECT_THAT(imported.text, HasSubstr("-> tensor<?x4xf32, #weft.dims<[n, _]>>"));
}

TEST(OnnxImport, ReportsAllUnsupportedOpsAtOnce) {
  Model model;
  model.input("x", {"4"}).output("y");
  model.node("TfIdfVectorizer", {"x"}, {"a"}, "first");
  model.node("TfIdfVectorizer", {"a"}, {"b"}, "second");
  model.node("Frobnicate", {"b"}, {"y"}, "third").set_domain("acme");
  Imported imported = import(model);
  EXPECT_THAT(imported.errors, HasSubstr("found 3 nodes with 2 ops that are not supported"));
  EXPECT_THAT(imported.errors, HasSubstr("TfIdfVectorizer: 2 ('first', 'second')"));
  EXPECT_THAT(imported.errors, HasSubstr("acme.Frobnicate: 1 ('third')"));
}

TEST(OnnxImport, NamesTheNodeOfAnError) {
  Model model;
  model.input("x", {"2", "3"}).input("w", {"5"}).output("y");
  model.node("Add", {"x", "w"}, {"y"}, "adder");
  Imported imported = import(model);
  EXPECT_THAT(imported.errors, HasSubstr("node 'adder' (Add): found extents 3 and 5 in dimension 1"));
  EXPECT_THAT(imported.errors, HasSubstr("model.onnx"));
  Model missing;
  missing.input("x", {"2"}).output("y");
  missing.node("Relu", {"z"}, {"y"}, "act");
  EXPECT_THAT(import(missing).errors, HasSubstr("node 'act' (Relu): input 'z' is not defined"));
}

TEST(OnnxImport, SaysWhatNeedsAConstant) {
  Model model;
  model.input("x", {"2", "3"}).input("axes", {"1"}, TensorProto::INT64).output("y");
  model.node("Unsqueeze", {"x", "axes"}, {"y"}, "up");
  EXPECT_THAT(import(model).errors,
              HasSubstr("node 'up' (Unsqueeze): found axes computed at run time, needs a constant"));
}

TEST(OnnxImport, InlinesFunctions) {
  Model model;
  model.proto.add_opset_import()->set_domain("own");
  FunctionProto &function = *model.proto.add_functions();
  function.set_name("Twice");
  function.set_domain("own");
  function.add_input("a");
  function.add_output("b");
  function.add_attribute("alpha");
  function.add_opset_import()->set_version(21);
  NodeProto &inner = *function.add_node();
  inner.set_op_type("LeakyRelu");
  inner.add_input("a");
  inner.add_output("b");
  AttributeProto &reference = *inner.add_attribute();
  reference.set_name("alpha");
  reference.set_ref_attr_name("alpha");
  reference.set_type(AttributeProto::FLOAT);
  model.input("x", {"4"}).output("y");
  NodeProto &call = model.node("Twice", {"x"}, {"y"});
  call.set_domain("own");
  AttributeProto &alpha = *call.add_attribute();
  alpha.set_name("alpha");
  alpha.set_type(AttributeProto::FLOAT);
  alpha.set_f(0.25f);
  Imported imported = import(model);
  ASSERT_EQ(imported.errors, "");
  EXPECT_THAT(imported.text, HasSubstr("2.500000e-01"));
  // A function that calls itself is refused.
  NodeProto &again = *function.add_node();
  again.set_op_type("Twice");
  again.set_domain("own");
  again.add_input("b");
  again.add_output("c");
  EXPECT_THAT(import(model).errors, HasSubstr("calls itself"));
}

TEST(OnnxImport, ChoosesAndBuildsBranches) {
  for (bool constant : {true, false}) {
    Model model;
    model.input("x", {"4"}).output("y");
    if (constant) {
      TensorProto &tensor = *model.graph().add_initializer();
      tensor.set_name("c");
      tensor.set_data_type(TensorProto::BOOL);
      tensor.add_int32_data(0);
    } else {
      model.input("c", {}, TensorProto::BOOL);
    }
    NodeProto &branch = model.node("If", {"c"}, {"y"});
    for (bool onTrue : {true, false}) {
      AttributeProto &attribute = *branch.add_attribute();
      attribute.set_name(onTrue ? "then_branch" : "else_branch");
      attribute.set_type(AttributeProto::GRAPH);
      Model::addNode(*attribute.mutable_g(), onTrue ? "Exp" : "Tanh", {"x"}, {"r"});
      attribute.mutable_g()->add_output()->set_name("r");
    }
    Imported imported = import(model);
    ASSERT_EQ(imported.errors, "");
    EXPECT_THAT(imported.text, HasSubstr("weft.tanh"));
    EXPECT_EQ(imported.text.find("weft.exp") == std::string::npos, constant);
    EXPECT_EQ(imported.text.find("weft.if") == std::string::npos, constant);
  }
}

/// A loop that adds x to a carried value and stacks it.
Model makeLoop(bool withCondition) {
  Model model;
  model.input("x", {"4"}).input("s", {"4"}).output("last").output("all");
  model.ints("trips", {5}, true);
  if (withCondition)
    model.input("c", {}, TensorProto::BOOL);
  NodeProto &loop = model.node("Loop", {"trips", withCondition ? "c" : "", "s"}, {"last", "all"});
  AttributeProto &attribute = *loop.add_attribute();
  attribute.set_name("body");
  attribute.set_type(AttributeProto::GRAPH);
  GraphProto &body = *attribute.mutable_g();
  for (const char *input : {"i", "c_in", "v"})
    body.add_input()->set_name(input);
  Model::addNode(body, "Identity", {"c_in"}, {"c_out"});
  Model::addNode(body, "Add", {"v", "x"}, {"w"});
  for (const char *output : {"c_out", "w", "w"})
    body.add_output()->set_name(output);
  return model;
}

TEST(OnnxImport, LoopsBecomeScansOrWhiles) {
  Imported scan = import(makeLoop(false));
  ASSERT_EQ(scan.errors, "");
  EXPECT_THAT(scan.text, HasSubstr("weft.scan"));
  EXPECT_THAT(scan.text, HasSubstr("tensor<5x4xf32>"));
  Imported loop = import(makeLoop(true));
  ASSERT_EQ(loop.errors, "");
  EXPECT_THAT(loop.text, HasSubstr("weft.while"));
  EXPECT_THAT(loop.text, HasSubstr("weft.update_slice"));
}

TEST(OnnxImport, RefusesBadBytesAndOpsets) {
  EXPECT_THAT(importBytes("not a model").errors, HasSubstr("no ONNX model"));
  EXPECT_THAT(importBytes("").errors, HasSubstr("no graph"));
  Model old(6);
  EXPECT_THAT(import(old).errors, HasSubstr("found opset 6, wanted 7 to 28"));
  Model model;
  model.ints("w", {1, 2, 3}).output("w");
  model.graph().mutable_initializer(0)->set_dims(0, 4);
  EXPECT_THAT(import(model).errors, HasSubstr("initializer 'w': found 3 numbers, wanted 4"));
  model.graph().mutable_initializer(0)->set_dims(0, int64_t(1) << 62);
  EXPECT_THAT(import(model).errors, HasSubstr("initializer 'w'"));
  model.graph().mutable_initializer(0)->set_dims(0, -1);
  EXPECT_THAT(import(model).errors, HasSubstr("initializer 'w'"));
}

/// External data: a folder with weights, links and bounds that do not hold.
class OnnxExternalData : public testing::Test {
protected:
  void SetUp() override {
    folder = testing::TempDir() + "weft-external-" + std::to_string(::getpid());
    std::filesystem::create_directories(folder + "/sub");
    std::ofstream(folder + "/sub/w.bin", std::ios::binary) << std::string(64, '\0');
    std::ofstream(testing::TempDir() + "weft-outside.bin", std::ios::binary) << std::string(64, '\0');
    std::error_code ignored;
    std::filesystem::create_symlink(testing::TempDir() + "weft-outside.bin", folder + "/link.bin", ignored);
  }
  void TearDown() override { std::filesystem::remove_all(folder); }

  Imported importWith(const std::string &location, const std::string &offset = "0") {
    Model model;
    model.output("w");
    TensorProto &tensor = *model.graph().add_initializer();
    tensor.set_name("w");
    tensor.set_data_type(TensorProto::FLOAT);
    tensor.add_dims(8);
    tensor.set_data_location(TensorProto::EXTERNAL);
    for (auto [key, value] :
         {std::pair<std::string, std::string>("location", location), {"offset", offset}}) {
      StringStringEntryProto &entry = *tensor.add_external_data();
      entry.set_key(key);
      entry.set_value(value);
    }
    std::string path = folder + "/model.onnx";
    std::ofstream(path, std::ios::binary) << model.proto.SerializeAsString();
    mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
    Imported imported;
    mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) {
      imported.errors += diagnostic.str() + "\n";
      return mlir::success();
    });
    auto module = onnx::importOnnxFile(path, context);
    if (mlir::succeeded(module))
      imported.text = print(**module);
    return imported;
  }

  std::string folder;
};

TEST_F(OnnxExternalData, IsReadOnlyBelowTheModel) {
  EXPECT_EQ(importWith("sub/w.bin").errors, "");
  EXPECT_EQ(importWith("./sub/w.bin", "32").errors, "");
  EXPECT_THAT(importWith("sub/w.bin", "33").errors, HasSubstr("which has 64"));
  EXPECT_THAT(importWith("sub/w.bin", "18446744073709551615").errors, HasSubstr("which has 64"));
  EXPECT_THAT(importWith("sub/w.bin", "-1").errors, HasSubstr("wanted a number"));
  EXPECT_THAT(importWith("../weft-outside.bin").errors, HasSubstr("below the model's folder"));
  EXPECT_THAT(importWith(testing::TempDir() + "weft-outside.bin").errors,
              HasSubstr("below the model's folder"));
  EXPECT_THAT(importWith("link.bin").errors, HasSubstr("symbolic link"));
  EXPECT_THAT(importWith("sub").errors, HasSubstr("not a regular file"));
  EXPECT_THAT(importWith("absent.bin").errors, HasSubstr("absent.bin"));
}

} // namespace
