# Writes a C source with files as byte arrays and a table of {name, text, size} over them.
#
#   cmake -DOUTPUT=out.c -DSYMBOL=shader_builtin -DHEADER=shader/builtin.h -DBASE=dir
#         -DFILES="dir/a.frag;dir/b.frag" [-DTYPE=shader_builtin] -P embed.cmake
#
# The table is `const TYPE SYMBOLs[]`, its length `const size_t SYMBOL_count`; HEADER declares them.
# A name is the file's path from BASE. Each text has a zero byte after it that size does not count.
cmake_minimum_required(VERSION 3.25)

foreach(variable OUTPUT SYMBOL HEADER BASE FILES)
  if(NOT DEFINED ${variable})
    message(FATAL_ERROR "embed.cmake: -D${variable}= is missing")
  endif()
endforeach()
if(NOT DEFINED TYPE)
  set(TYPE "${SYMBOL}")
endif()

list(SORT FILES)
set(arrays "")
set(rows "")
set(index 0)
foreach(file IN LISTS FILES)
  file(RELATIVE_PATH name "${BASE}" "${file}")
  file(READ "${file}" hex HEX)
  file(SIZE "${file}" size)
  string(REGEX REPLACE "(................................)" "\\1\n  " hex "${hex}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1, " bytes "${hex}")
  string(REPLACE ", \n" ",\n" bytes "${bytes}")
  string(APPEND arrays "static const unsigned char file_${index}[] = {\n  ${bytes}0x00\n};\n\n")
  string(APPEND rows "  {\"${name}\", (const char *)file_${index}, ${size}},\n")
  math(EXPR index "${index} + 1")
endforeach()

file(CONFIGURE OUTPUT "${OUTPUT}" @ONLY CONTENT
"/* Made by scripts/embed.cmake from the files named in the table: edit those. */
#include \"@HEADER@\"

@arrays@const @TYPE@ @SYMBOL@s[] = {
@rows@};
const size_t @SYMBOL@_count = @index@;
")
