# Asserts stay in every build: what they guard is worse than a crash.
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g")
set(CMAKE_C_FLAGS_RELEASE "-O2")

if(TENANTD_SANITIZE)
  add_compile_options(-fsanitize=${TENANTD_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${TENANTD_SANITIZE})
endif()
if(TENANTD_COVERAGE)
  add_compile_options(--coverage -fprofile-update=atomic)
  add_link_options(--coverage)
endif()
if(TENANTD_VALGRIND AND TENANTD_SANITIZE)
  message(FATAL_ERROR "TENANTD_VALGRIND and TENANTD_SANITIZE watch the same memory: take one")
endif()
if(TENANTD_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link) # or the fuzzer would see the targets' own lines alone
endif()
