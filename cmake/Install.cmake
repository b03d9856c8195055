# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# cmake --install: the driver, the libraries, the public headers, and the package for find_package(Weft).
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# The programs and libraries find each other wherever the tree is put.
file(RELATIVE_PATH weft_bin_to_lib ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})
set_target_properties(weft weft-worker PROPERTIES INSTALL_RPATH "$ORIGIN/${weft_bin_to_lib}")
set_target_properties(Weft PROPERTIES INSTALL_RPATH "$ORIGIN")

install(TARGETS weft weft-worker RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
if(TARGET WeftGrpc)
  set_target_properties(WeftGrpc PROPERTIES INSTALL_RPATH "$ORIGIN")
  install(TARGETS WeftGrpc LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()
install(TARGETS WeftCompiler LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS Weft EXPORT WeftTargets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
  INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

# Weft.h and what it includes: nothing of the compiler.
set(weft_headers weft/Weft.h weft-c/weft.h)
foreach(header
    Api/Compile Api/Graph
    Program/Abi Program/Expr Program/Program Program/Reader
    Runtime/Device Runtime/Executable Runtime/Session Runtime/Trace
    Support/DType Support/File Support/HostTensor Support/Log Support/Npy Support/Sha256 Support/Status
    Support/TensorCompare)
  list(APPEND weft_headers weft/${header}.h)
endforeach()
foreach(header ${weft_headers})
  get_filename_component(folder ${header} DIRECTORY)
  install(FILES ${PROJECT_SOURCE_DIR}/include/${header} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/${folder})
endforeach()
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

set(weft_package ${CMAKE_INSTALL_LIBDIR}/cmake/Weft)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/WeftConfig.cmake.in ${PROJECT_BINARY_DIR}/WeftConfig.cmake
  INSTALL_DESTINATION ${weft_package})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/WeftConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(EXPORT WeftTargets NAMESPACE Weft:: DESTINATION ${weft_package})
install(FILES ${PROJECT_BINARY_DIR}/WeftConfig.cmake ${PROJECT_BINARY_DIR}/WeftConfigVersion.cmake
  DESTINATION ${weft_package})
