# fill: writes the units and the tmpfiles.d file with the paths of this installation in them.
# In:    TEMPLATES, FILLED (directories), CONFDIR, SBINDIR, DOCDIR. Run by cmake --install.
# Out:   FILLED/tenantd.service, tenantd@.service, tenantd.tmpfiles.
# Never: a path of the build machine.
file(READ "${TEMPLATES}/hardening.in" HARDENING)
foreach(name tenantd.service tenantd@.service tenantd.tmpfiles)
  configure_file("${TEMPLATES}/${name}.in" "${FILLED}/${name}" @ONLY)
endforeach()
