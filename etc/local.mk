# SPDX-License-Identifier: Apache-2.0
dist_yardconf_DATA += %D%/apid.conf %D%/imaged.conf %D%/redfishd.conf
