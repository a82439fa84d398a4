# Finds LibTorch inside an unpacked PyPI torch wheel, without running Python and without TorchConfig.cmake
# (that file insists on a CUDA toolkit even for CPU-only use).
#
# Searched: -DCTCLIP_LIBTORCH_DIR=DIR, then the folder that tools/setup.sh fills. DIR holds `torch/` (and for the
# CPU-only wheels `nvidia/` beside it: libtorch_cpu finds its CUDA run-time libraries through a relative RUNPATH).
# Defines: LibTorch_FOUND, LibTorch_VERSION, target LibTorch::LibTorch.
if(NOT CTCLIP_LIBTORCH_DIR)
  if(DEFINED ENV{CTCLIP_DEPS_DIR})
    set(_ctclip_deps "$ENV{CTCLIP_DEPS_DIR}")
  else()
    set(_ctclip_deps "$ENV{HOME}/.cache/ctclip")
  endif()
  if(CTCLIP_CUDA)
    set(_ctclip_libtorch "${_ctclip_deps}/libtorch-2.11.0-cuda")
  else()
    set(_ctclip_libtorch "${_ctclip_deps}/libtorch-2.11.0-cpu")
  endif()
  set(CTCLIP_LIBTORCH_DIR "${_ctclip_libtorch}" CACHE PATH "Folder with the unpacked torch wheel")
endif()

set(_torch "${CTCLIP_LIBTORCH_DIR}/torch")
find_path(LibTorch_INCLUDE_DIR ATen/ATen.h PATHS "${_torch}/include" NO_DEFAULT_PATH)
find_library(LibTorch_CPU_LIBRARY torch_cpu PATHS "${_torch}/lib" NO_DEFAULT_PATH)
find_library(LibTorch_C10_LIBRARY c10 PATHS "${_torch}/lib" NO_DEFAULT_PATH)
set(_required LibTorch_INCLUDE_DIR LibTorch_CPU_LIBRARY LibTorch_C10_LIBRARY)
if(CTCLIP_CUDA)
  find_library(LibTorch_CUDA_LIBRARY torch_cuda PATHS "${_torch}/lib" NO_DEFAULT_PATH)
  find_library(LibTorch_C10_CUDA_LIBRARY c10_cuda PATHS "${_torch}/lib" NO_DEFAULT_PATH)
  list(APPEND _required LibTorch_CUDA_LIBRARY LibTorch_C10_CUDA_LIBRARY)
endif()
if(EXISTS "${_torch}/version.py")
  file(STRINGS "${_torch}/version.py" _version_line REGEX "^__version__ = ")
  string(REGEX REPLACE "^__version__ = '([^'+]+).*" "\\1" LibTorch_VERSION "${_version_line}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibTorch REQUIRED_VARS ${_required} VERSION_VAR LibTorch_VERSION)

if(LibTorch_FOUND AND NOT TARGET LibTorch::LibTorch)
  # The wheel's headers include an fmt of their own, newer than the library that we link: the system's goes first.
  find_path(_ctclip_fmt fmt/format.h NO_CACHE REQUIRED)
  file(MAKE_DIRECTORY "${CMAKE_BINARY_DIR}/system_fmt")
  file(CREATE_LINK "${_ctclip_fmt}/fmt" "${CMAKE_BINARY_DIR}/system_fmt/fmt" SYMBOLIC)
  add_library(LibTorch::LibTorch INTERFACE IMPORTED)
  target_include_directories(LibTorch::LibTorch SYSTEM INTERFACE "${CMAKE_BINARY_DIR}/system_fmt"
      "${LibTorch_INCLUDE_DIR}" "${LibTorch_INCLUDE_DIR}/torch/csrc/api/include")
  target_link_libraries(LibTorch::LibTorch INTERFACE "${LibTorch_CPU_LIBRARY}" "${LibTorch_C10_LIBRARY}")
  if(CTCLIP_CUDA)
    # --no-as-needed: the CUDA operators register themselves when the library loads; nothing names its symbols.
    target_link_libraries(LibTorch::LibTorch INTERFACE "-Wl,--no-as-needed" "${LibTorch_CUDA_LIBRARY}"
        "-Wl,--as-needed" "${LibTorch_C10_CUDA_LIBRARY}" CUDA::cudart)
    # For users of LibTorch and of the kernels alone: all other files compile as without CUDA, and ccache has them.
    target_compile_definitions(LibTorch::LibTorch INTERFACE CTCLIP_CUDA)
  endif()
endif()
