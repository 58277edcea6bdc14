add_library(tenantd_flags INTERFACE)
target_compile_options(tenantd_flags INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wformat=2
  -Wvla -Wundef -Wimplicit-fallthrough -Wcast-qual -Wno-format-nonliteral
  -fstack-protector-strong -fno-common)
target_compile_definitions(tenantd_flags INTERFACE
  _GNU_SOURCE TENANTD_VERSION="${PROJECT_VERSION}")
if(TENANTD_WERROR)
  target_compile_options(tenantd_flags INTERFACE -Werror)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Release" OR CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
  target_compile_definitions(tenantd_flags INTERFACE _FORTIFY_SOURCE=2)
endif()
target_include_directories(tenantd_flags INTERFACE "${PROJECT_SOURCE_DIR}/daemon")
