# How targets are made. One library per folder of src/, one program per job and tool, tests that mirror the tree.
include(GoogleTest)

# ctclip_add_folders(<folder>...): add_subdirectory in the given order.
function(ctclip_add_folders)
  foreach(folder IN LISTS ARGN)
    if(EXISTS "${CMAKE_SOURCE_DIR}/${folder}/CMakeLists.txt")
      add_subdirectory(${folder})
    endif()
  endforeach()
endfunction()

# Precompiled LibTorch header (39 s once, then 6 s instead of 21 s a file). One is built; every user reuses it.
function(_ctclip_use_torch target)
  if(NOT TARGET ctclip_torch_pch)
    file(WRITE "${CMAKE_BINARY_DIR}/torch_pch.cpp" "// Anchor of the precompiled LibTorch header.\n")
    add_library(ctclip_torch_pch OBJECT "${CMAKE_BINARY_DIR}/torch_pch.cpp")
    target_link_libraries(ctclip_torch_pch PUBLIC ctclip_settings LibTorch::LibTorch Threads::Threads)
    target_precompile_headers(ctclip_torch_pch PRIVATE <ATen/ATen.h> <torch/csrc/autograd/autograd.h>
        <torch/csrc/autograd/custom_function.h> <torch/csrc/autograd/variable.h>)
  endif()
  # Programs would compile with -fPIE, and then the header, made with -fPIC, would not be used.
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  target_compile_options(${target} PRIVATE -fPIC)
  target_precompile_headers(${target} REUSE_FROM ctclip_torch_pch)
  target_link_libraries(${target} PUBLIC LibTorch::LibTorch Threads::Threads)
endfunction()

# ctclip_add_library(<name> [TORCH] SOURCES ... [DEPENDS ...]): static library ctclip_<name>.
# TORCH: its sources include ATen; they get the precompiled header.
function(ctclip_add_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "TORCH" "" "SOURCES;DEPENDS")
  _ctclip_no_unknown(${name} "${arg_UNPARSED_ARGUMENTS}")
  add_library(ctclip_${name} STATIC ${arg_SOURCES})
  target_link_libraries(ctclip_${name} PUBLIC ctclip_settings ${arg_DEPENDS})
  if(arg_TORCH)
    _ctclip_use_torch(ctclip_${name})
  endif()
endfunction()

# ctclip_add_program(<program> [TORCH] SOURCES ... [DEPENDS ...]): build/bin/<program>.
function(ctclip_add_program name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "TORCH" "" "SOURCES;DEPENDS")
  _ctclip_no_unknown(${name} "${arg_UNPARSED_ARGUMENTS}")
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ctclip_settings ${arg_DEPENDS})
  if(arg_TORCH)
    _ctclip_use_torch(${name})
  endif()
  install(TARGETS ${name} RUNTIME)
endfunction()

# ctclip_add_test(<name> [TORCH] SOURCES ... [DEPENDS ...] [LABELS ...] [TIMEOUT s])
# One GoogleTest program and one ctest entry (a program per folder keeps linking cheap).
# CTCLIP_TEST_DATA is tests/data, CTCLIP_BIN the folder of our programs, CTCLIP_PEER_PYTHON a Python with numpy, h5py,
# webdataset and tensorboard. A program in which no test ran fails (tests/support/test_main.cpp).
function(ctclip_add_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "TORCH" "TIMEOUT" "SOURCES;DEPENDS;LABELS")
  _ctclip_no_unknown(${name} "${arg_UNPARSED_ARGUMENTS}")
  _ctclip_test_program(${name})
  add_test(NAME ${name} COMMAND ${name})
  _ctclip_test_properties(${name} 1)
endfunction()

# ctclip_add_mpi_test(<name> NP 1 2 4 ...): the same, run under mpirun at each rank count (label mpi).
# Its main starts MPI and makes the ranks agree on failure (tests/support/mpi_test_main.cpp).
function(ctclip_add_mpi_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "TORCH" "TIMEOUT" "SOURCES;DEPENDS;LABELS;NP")
  _ctclip_no_unknown(${name} "${arg_UNPARSED_ARGUMENTS}")
  set(arg_MPI ON)
  _ctclip_test_program(${name})
  foreach(np IN LISTS arg_NP)
    add_test(NAME ${name}.np${np} COMMAND ${MPIEXEC_EXECUTABLE} --oversubscribe --bind-to none -n ${np} $<TARGET_FILE:${name}>)
    set(arg_LABELS ${arg_LABELS} mpi)
    _ctclip_test_properties(${name}.np${np} ${np})
  endforeach()
endfunction()

# ctclip_add_gpu_entry(<test program> <filter>): those of its tests that need a GPU once more, as a ctest entry of their
# own: where there is no GPU, ctest says that they were skipped (label gpu; run them with `ctest --preset gpu`).
function(ctclip_add_gpu_entry name filter)
  if(CTCLIP_CUDA)
    add_test(NAME ${name}.gpu COMMAND ${name} "--gtest_filter=${filter}")
    set(arg_TIMEOUT 600)
    set(arg_LABELS gpu)
    _ctclip_test_properties(${name}.gpu 1)
  endif()
endfunction()

macro(_ctclip_test_program name)
  if(arg_MPI)
    set(main "${CMAKE_SOURCE_DIR}/tests/support/mpi_test_main.cpp")
    list(APPEND arg_DEPENDS ctclip_mpi)
  else()
    set(main "${CMAKE_SOURCE_DIR}/tests/support/test_main.cpp")
  endif()
  add_executable(${name} ${arg_SOURCES} ${main})
  target_include_directories(${name} PRIVATE "${CMAKE_SOURCE_DIR}/tests")
  target_compile_definitions(${name} PRIVATE CTCLIP_TEST_DATA="${CMAKE_SOURCE_DIR}/tests/data"
                                             CTCLIP_BIN="${CMAKE_BINARY_DIR}/bin"
                                             CTCLIP_PEER_PYTHON="${CTCLIP_PEER_PYTHON}")
  target_link_libraries(${name} PRIVATE ctclip_settings ${arg_DEPENDS} GTest::gtest GTest::gmock)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
  if(arg_TORCH)
    _ctclip_use_torch(${name})
  endif()
endmacro()

macro(_ctclip_test_properties test processors)
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  # Open MPI refuses root and more ranks than cores unless told; containers and CI machines are often both.
  # One LibTorch thread a process: tests share the cores, and waiting OpenMP threads spin (7 times slower here).
  # Inside a Slurm allocation the tests start ranks of their own.
  set_tests_properties(${test} PROPERTIES TIMEOUT ${arg_TIMEOUT} PROCESSORS ${processors} LABELS "${arg_LABELS}"
      SKIP_RETURN_CODE 77
      ENVIRONMENT "OMPI_ALLOW_RUN_AS_ROOT=1;OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1;OMPI_MCA_rmaps_base_oversubscribe=1;OMP_NUM_THREADS=1"
      ENVIRONMENT_MODIFICATION "SLURM_NTASKS=unset:;SLURM_STEP_NUM_TASKS=unset:")
endmacro()

function(_ctclip_no_unknown name unknown)
  if(unknown)
    message(FATAL_ERROR "${name}: unknown arguments '${unknown}'")
  endif()
endfunction()
