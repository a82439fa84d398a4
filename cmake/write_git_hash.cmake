# Writes git_hash.hpp at build time (cmake -DSOURCE=... -DOUTPUT=... -P this), touching it only when the hash changes,
# so that a rebuild after a commit costs one small file.
execute_process(COMMAND git -C "${SOURCE}" describe --always --dirty --abbrev=10 --exclude=*
    OUTPUT_VARIABLE hash OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  set(hash unknown)
endif()
set(text "#pragma once\n\nnamespace ctclip {\ninline constexpr char kGitHash[] = \"${hash}\";\n}  // namespace ctclip\n")
set(old "")
if(EXISTS "${OUTPUT}")
  file(READ "${OUTPUT}" old)
endif()
if(NOT old STREQUAL text)
  file(WRITE "${OUTPUT}" "${text}")
endif()
