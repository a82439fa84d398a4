# Language level, warnings and output folders, shared by every target through ctclip_settings.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

find_program(CTCLIP_CCACHE ccache)
if(CTCLIP_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CTCLIP_CCACHE}")
endif()

add_library(ctclip_settings INTERFACE)
# -Wno-restrict: g++ 12 warns about every `"literal" + string` (its bug 105651).
# -ffp-contract=off: bit-exact recipes (golden/volumes) write every fma explicitly; the compiler must not add any.
target_compile_options(ctclip_settings INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wno-restrict -ffp-contract=off>)
target_include_directories(ctclip_settings INTERFACE "${CMAKE_SOURCE_DIR}/src" "${CMAKE_SOURCE_DIR}")
if(CTCLIP_SANITIZE)
  target_compile_options(ctclip_settings INTERFACE
      $<$<COMPILE_LANGUAGE:CXX>:-fsanitize=address,undefined -fno-omit-frame-pointer>)
  target_link_options(ctclip_settings INTERFACE -fsanitize=address,undefined)
endif()
if(CTCLIP_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "CTCLIP_FUZZ needs clang with libFuzzer, not ${CMAKE_CXX_COMPILER_ID}. "
                        "Install it with: apt-get install clang (tools/fuzz.sh chooses it)")
  endif()
  target_compile_options(ctclip_settings INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fsanitize=fuzzer-no-link -Wno-unknown-warning-option>)
endif()
