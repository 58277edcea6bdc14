if(TENANTD_SANITIZE)
  add_compile_options(-fsanitize=${TENANTD_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${TENANTD_SANITIZE})
endif()
if(TENANTD_COVERAGE)
  add_compile_options(--coverage -fprofile-update=atomic)
  add_link_options(--coverage)
endif()
