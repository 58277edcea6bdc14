add_library(tenantd_flags INTERFACE)
target_compile_options(tenantd_flags INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wformat=2
  -Wvla -Wundef -Wimplicit-fallthrough -Wcast-qual -Wno-format-nonliteral -fno-common)
target_compile_definitions(tenantd_flags INTERFACE
  _GNU_SOURCE TENANTD_VERSION="${PROJECT_VERSION}")
if(TENANTD_WERROR)
  target_compile_options(tenantd_flags INTERFACE -Werror)
endif()
if(TENANTD_FAST)
  target_compile_options(tenantd_flags INTERFACE -O3)
else()
  target_compile_options(tenantd_flags INTERFACE -fstack-protector-strong)
endif()
if(NOT TENANTD_FAST AND (CMAKE_BUILD_TYPE STREQUAL "Release" OR CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo"))
  target_compile_definitions(tenantd_flags INTERFACE _FORTIFY_SOURCE=2)
endif()
if(CMAKE_C_COMPILER_ID STREQUAL "GNU") # kinds and states are short texts, and compared all the time
  target_compile_options(tenantd_flags INTERFACE --param=builtin-string-cmp-inline-length=24)
endif()
target_include_directories(tenantd_flags INTERFACE "${PROJECT_SOURCE_DIR}/daemon")
