# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The helpers every room's CMakeLists.txt is written with. Sources are named relative to the room.

add_compile_options(-Wall -Wextra -Wno-unused-parameter $<$<COMPILE_LANGUAGE:CXX>:-Wno-deprecated-declarations>)
if(WEFT_SANITIZER STREQUAL "address")
  add_compile_options(-fsanitize=address,undefined -fno-sanitize=vptr,function -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
elseif(WEFT_SANITIZER STREQUAL "thread")
  add_compile_options(-fsanitize=thread -fno-omit-frame-pointer)
  add_link_options(-fsanitize=thread)
endif()

# weft_add_library(<name> SOURCES ... [DEPS ...] [GENERATED target...] [MLIR])
# A static library of one room. MLIR: it belongs to the compiler half, sees the MLIR headers through the one
# precompiled header, and links the shared MLIR and LLVM, but for libWeftCompiler.so (weft_contain_mlir).
function(weft_add_library name)
  cmake_parse_arguments(A "MLIR" "" "SOURCES;DEPS;GENERATED" ${ARGN})
  add_library(${name} STATIC ${A_SOURCES})
  target_link_libraries(${name} PUBLIC ${A_DEPS})
  if(A_GENERATED)
    add_dependencies(${name} ${A_GENERATED})
  endif()
  if(A_MLIR)
    weft_use_mlir(${name})
    if(TARGET WeftIncGen)
      add_dependencies(${name} WeftIncGen)
    endif()
  endif()
endfunction()

# Gives a target the MLIR headers, the shared libraries and the precompiled header.
function(weft_use_mlir name)
  target_include_directories(${name} SYSTEM PUBLIC ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
  set(contained $<BOOL:$<TARGET_PROPERTY:WEFT_CONTAINS_MLIR>>) # of whatever is linked
  target_link_libraries(${name} PUBLIC $<$<NOT:${contained}>:MLIR> $<$<NOT:${contained}>:LLVM>)
  if(WEFT_USE_PCH AND NOT name STREQUAL "WeftMlirPch")
    target_precompile_headers(${name} REUSE_FROM WeftMlirPch)
    # The precompiled header is position independent code of a library; -fPIE would not match it.
    get_target_property(type ${name} TYPE)
    if(type STREQUAL "EXECUTABLE")
      target_compile_options(${name} PRIVATE -fPIC)
    endif()
  endif()
endfunction()

# weft_contain_mlir(<shared library>): what it uses of MLIR and LLVM is inside of it, hidden. A process that opens it
# resolves some hundred symbols instead of 83,000, which took a third of the CPU time to compile a small kernel. All archives or
# none: MLIR's package links the shared LLVM to each of its targets, and two copies that see each other do not run.
function(weft_contain_mlir name)
  file(GLOB archives CONFIGURE_DEPENDS ${LLVM_LIBRARY_DIR}/libMLIR*.a ${LLVM_LIBRARY_DIR}/libLLVM*.a)
  list(FILTER archives EXCLUDE REGEX "/libMLIR(CAPI|.*Test)")
  set_target_properties(${name} PROPERTIES WEFT_CONTAINS_MLIR ON)
  find_library(ZSTD_LIBRARY zstd REQUIRED)
  target_link_libraries(${name} PRIVATE ${archives} ${ZSTD_LIBRARY} ZLIB::ZLIB)
  target_link_options(${name} PRIVATE LINKER:--exclude-libs,ALL LINKER:--gc-sections)
endfunction()

# weft_add_tool(<name> SOURCES ... [DEPS ...] [MLIR]): an executable in bin/.
function(weft_add_tool name)
  cmake_parse_arguments(A "MLIR" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${A_SOURCES})
  target_link_libraries(${name} PRIVATE ${A_DEPS})
  if(A_MLIR)
    weft_use_mlir(${name})
  endif()
endfunction()

# weft_add_unit_test(<Name>Test SOURCES ... [DEPS ...] [MLIR]): GoogleTests that lit discovers and check-weft runs.
function(weft_add_unit_test name)
  cmake_parse_arguments(A "MLIR" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${A_SOURCES})
  target_link_libraries(${name} PRIVATE ${A_DEPS} GTest::gtest_main GTest::gmock)
  if(A_MLIR)
    weft_use_mlir(${name})
  endif()
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/test/unit/${name})
  set_property(GLOBAL APPEND PROPERTY WEFT_TEST_DEPENDS ${name})
endfunction()

# weft_tablegen_dialect(<dialect> <td> <families...>): declarations and definitions of a dialect whose ops lie in
# one .td per family.
function(weft_tablegen_dialect dialect base)
  set(LLVM_TARGET_DEFINITIONS ${base}.td)
  mlir_tablegen(${base}.h.inc -gen-dialect-decls -dialect=${dialect})
  mlir_tablegen(${base}.cpp.inc -gen-dialect-defs -dialect=${dialect})
  foreach(family ${ARGN})
    set(LLVM_TARGET_DEFINITIONS ${family}Ops.td)
    mlir_tablegen(${family}Ops.h.inc -gen-op-decls)
    mlir_tablegen(${family}Ops.cpp.inc -gen-op-defs)
  endforeach()
  set(TABLEGEN_OUTPUT ${TABLEGEN_OUTPUT} PARENT_SCOPE)
endfunction()
