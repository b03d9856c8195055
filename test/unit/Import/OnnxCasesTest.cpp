// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Imports every model of ONNX's node tests, whole, cut off and damaged, and holds what the reference
// evaluator makes of the imported ones against ONNX's results. The suite in test/conformance writes them;
// without it (or $WEFT_ONNX_CASES, another folder) the tests are skipped. $WEFT_LIST_REFUSED prints what is
// refused.
#include "Tensors.h"
#include "Vandal.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "weft/Import/Onnx/Importer.h"
#include "weft/Reference/Interpreter.h"
#include "weft/Reference/Reference.h"
#include "weft/Support/File.h"
#include "weft/Support/TensorCompare.h"
#include <cstdlib>
#include <gtest/gtest.h>
#include <iostream>
#include <nlohmann/json.hpp>
#include <random>

using namespace weft;

namespace {

std::string casesFolder() {
  const char *folder = std::getenv("WEFT_ONNX_CASES");
  return folder ? folder : WEFT_ONNX_CASES;
}

class OnnxCases : public testing::Test {
protected:
  void SetUp() override {
    auto text = readFile(casesFolder() + "/cases.json");
    if (!text.isOk())
      GTEST_SKIP() << "the node tests have not been written: " << text.status().message();
    cases = nlohmann::json::parse(*text).at("cases");
  }

  /// The model of a case in a mode; nothing when it has none.
  static std::optional<std::string> readModel(const nlohmann::json &one, const std::string &mode) {
    const auto &variants = one.at("variants");
    if (std::find(variants.begin(), variants.end(), mode) == variants.end())
      return std::nullopt;
    std::string file = mode == "static" ? "/model.onnx" : "/model." + mode + ".onnx";
    auto bytes = readFile(casesFolder() + "/" + one.at("name").get<std::string>() + file);
    EXPECT_TRUE(bytes.isOk()) << bytes.status().message();
    return *bytes;
  }

  /// Imports the bytes; the first error otherwise.
  static bool import(const std::string &bytes, const std::string &name, std::string &error) {
    static mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
    mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) {
      if (error.empty())
        error = diagnostic.str();
      return mlir::success();
    });
    return mlir::succeeded(onnx::importOnnxBytes(std::as_bytes(std::span(bytes)), name, context));
  }

  /// Counts the core cases of a mode that are imported.
  void countImported(const std::string &mode, double atLeast) {
    int64_t imported = 0, total = 0;
    for (const auto &one : cases) {
      std::optional<std::string> model = readModel(one, mode);
      if (!model)
        continue;
      std::string name = one.at("name"), error;
      bool ok = import(*model, name, error);
      EXPECT_TRUE(ok || !error.empty()) << name << " was refused without a word";
      EXPECT_EQ(error.find("unrealized_conversion_cast"), std::string::npos) << name << ": " << error;
      bool core = one.at("category").get<std::string>().starts_with("core");
      total += core;
      imported += core && ok;
      if (!ok && std::getenv("WEFT_LIST_REFUSED"))
        std::cout << mode << " " << one.at("category").get<std::string>() << " " << name << ": " << error
                  << "\n";
    }
    std::cout << mode << ": " << imported << " of " << total << " core cases imported\n";
    EXPECT_GE(double(imported), atLeast * double(total));
  }

  nlohmann::json cases;
};

TEST_F(OnnxCases, AreImportedAsTheyAre) { countImported("static", 0.98); }
TEST_F(OnnxCases, AreImportedWithDynamicDims) { countImported("dynamic", 0.97); }
TEST_F(OnnxCases, AreImportedWithConstantInputs) { countImported("constant", 0.98); }

/// Imports and evaluates the cases of a mode with core or storage types; nothing may come out wrong.
class OnnxCaseNumbers : public OnnxCases {
protected:
  static Result<HostTensor> readPb(const std::string &path) {
    WEFT_ASSIGN_OR_RETURN(std::string bytes, readFile(path));
    onnx_wire::TensorProto proto;
    if (!proto.ParseFromString(bytes))
      return invalidArgument("found no tensor in ", path);
    onnx::ExternalData none("");
    return onnx::readTensor(proto, none);
  }

  void evaluate(const std::string &mode) {
    mlir::DialectRegistry registry;
    reference::registerReferenceModels(registry);
    int64_t right = 0, total = 0;
    for (const auto &one : cases) {
      std::optional<std::string> model = readModel(one, mode);
      std::string category = one.at("category");
      if (!model || (!category.starts_with("core") && category != "storage-types"))
        continue;
      ++total;
      std::string name = one.at("name"), error;
      mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
      mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) {
        error += diagnostic.str() + "; ";
        return mlir::success();
      });
      auto module = onnx::importOnnxBytes(std::as_bytes(std::span(*model)), name, context);
      if (mlir::failed(module))
        continue;
      std::string data = casesFolder() + "/" + name + "/test_data_set_0/";
      llvm::SmallVector<HostTensor> inputs;
      auto function = (*module)->lookupSymbol<mlir::func::FuncOp>("main");
      for (size_t i = 0; i < one.at("inputs").size() && mode != "constant"; ++i) {
        auto tensor = readPb(data + "input_" + std::to_string(i) + ".pb");
        ASSERT_TRUE(tensor.isOk()) << name << ": " << tensor.status().message();
        inputs.push_back(*tensor);
      }
      auto results = reference::interpret(function, inputs);
      bool ok = mlir::succeeded(results);
      for (size_t i = 0; ok && i < results->size(); ++i) {
        auto wanted = readPb(data + "output_" + std::to_string(i) + ".pb");
        ASSERT_TRUE(wanted.isOk()) << name << ": " << wanted.status().message();
        const HostTensor &found = (*results)[i];
        if (one.at("compare") == "shape") {
          ok = found.dtype() == wanted->dtype() && found.shape() == wanted->shape();
          error = ok ? "" : "found " + found.typeString() + ", wanted " + wanted->typeString();
          continue;
        }
        Tolerance tolerance{one.at("rtol"), one.at("atol")};
        TensorComparison comparison =
            compareTensors(found, *wanted, isFloat(found.dtype()) ? tolerance : Tolerance());
        ok = comparison.agrees();
        if (!ok)
          error = "output " + std::to_string(i) + ": " + comparison.toString();
      }
      right += ok;
      EXPECT_TRUE(ok) << mode << " " << name << ": " << error;
    }
    std::cout << mode << ": " << right << " of " << total << " cases evaluated right\n";
  }
};

TEST_F(OnnxCaseNumbers, AreRight) { evaluate("static"); }
TEST_F(OnnxCaseNumbers, AreRightWithDynamicDims) { evaluate("dynamic"); }
TEST_F(OnnxCaseNumbers, AreRightWithConstantInputs) { evaluate("constant"); }

TEST_F(OnnxCases, NeverCrashWhenVandalised) {
  const char *given = std::getenv("WEFT_VANDAL_SEED"), *keep = std::getenv("WEFT_VANDAL_KEEP");
  uint64_t seed = given ? std::strtoull(given, nullptr, 10) : 1;
  for (const auto &one : cases) {
    std::string name = one.at("name");
    for (const char *mode : {"static", "dynamic", "constant"}) {
      std::optional<std::string> bytes = readModel(one, mode);
      onnx_wire::ModelProto model;
      if (!bytes || bytes->size() > 100000 || !model.ParseFromString(*bytes))
        continue;
      Vandal vandal(++seed);
      for (int i = 0; i < 3; ++i) {
        vandal.damage(*model.mutable_graph());
        std::string error, damaged = model.SerializeAsString();
        if (keep) // what ends the process is the last one kept
          (void)writeFileAtomically(keep, damaged).isOk();
        import(damaged, name, error);
      }
    }
  }
}

TEST_F(OnnxCases, NeverCrashWhenCutOffOrDamaged) {
  std::mt19937 random(7);
  for (const auto &one : cases) {
    std::string name = one.at("name");
    for (const char *mode : {"static", "constant"}) {
      std::optional<std::string> model = readModel(one, mode);
      if (!model || model->empty() || model->size() > 100000)
        continue;
      std::string error, damaged = *model;
      damaged.resize(random() % model->size());
      import(damaged, name, error);
      for (int round = 0; round < 3; ++round) {
        damaged = *model;
        for (int i = 0; i <= round; ++i)
          damaged[random() % damaged.size()] = char(random());
        import(damaged, name, error);
      }
    }
  }
}

} // namespace
