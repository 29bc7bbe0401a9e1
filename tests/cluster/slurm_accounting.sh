# shellcheck shell=bash
# shellcheck disable=SC2154 # dir, tree, port, host, user come from start_slurm.sh
# To be sourced by start_slurm.sh with SLURM_ACCOUNTING=1: a database for sacct.
wrap_programs "${tree}" "${dir}/bin" "${tree}"/usr/sbin/{mariadbd,slurmdbd} "${tree}"/usr/bin/{mariadb,mariadb-admin}
maria=(--no-defaults --socket="${dir}/mysql.sock")
mkdir -p "${dir}/mysql"
LD_LIBRARY_PATH=$(library_path "${tree}") "${tree}/usr/bin/mariadb-install-db" --no-defaults --user="${user}" --basedir="${tree}/usr" \
    --datadir="${dir}/mysql" --skip-test-db --auth-root-authentication-method=normal \
    > "${dir}/log/mariadb-install.log" 2>&1 || { head -n 5 "${dir}/log/mariadb-install.log" >&2; exit 1; }
start_daemon "${dir}" mariadb mariadbd "${maria[@]}" --user="${user}" --datadir="${dir}/mysql" \
    --basedir="${tree}/usr" --pid-file="${dir}/log/mariadb.own.pid" --bind-address=127.0.0.1 \
    --port=$((port + 6)) --innodb-buffer-pool-size=64M
wait_until 30 mariadb-admin "${maria[@]}" ping
mariadb "${maria[@]}" --user=root << SQL
CREATE DATABASE slurm_acct_db;
CREATE USER slurm@'127.0.0.1' IDENTIFIED BY 'slurm';
CREATE USER slurm@localhost IDENTIFIED BY 'slurm';
GRANT ALL ON slurm_acct_db.* TO slurm@'127.0.0.1';
GRANT ALL ON slurm_acct_db.* TO slurm@localhost;
SQL
(umask 077 && cat > "${dir}/slurmdbd.conf") << CONF
AuthType=auth/munge
AuthInfo=socket=${dir}/munge.socket
PluginDir=$(echo "${tree}"/usr/lib/*/slurm-wlm)
DbdHost=${host}
DbdAddr=127.0.0.1
DbdPort=$((port + 5))
SlurmUser=${user}
LogFile=${dir}/log/slurmdbd.log
PidFile=${dir}/log/slurmdbd.own.pid
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort=$((port + 6))
StorageUser=slurm
StoragePass=slurm
StorageLoc=slurm_acct_db
CONF
# clients need munge's socket once more, as the "password" of the accounting storage
cat >> "${dir}/slurm.conf" << CONF
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort=$((port + 5))
AccountingStoragePass=${dir}/munge.socket
CONF
start_daemon "${dir}" slurmdbd slurmdbd -D
wait_until 30 sacctmgr -n list cluster
sacctmgr -i add cluster test > /dev/null
