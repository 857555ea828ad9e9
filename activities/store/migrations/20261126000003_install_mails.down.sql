DROP TABLE tenantry.install_mails;
