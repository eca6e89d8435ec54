#!/bin/sh
# After 'azd deploy': wakes the app, which makes the first enroll secret and the admin's password, and says where they are.
set -eu
if [ -n "${MANAGER_NAME:-}" ] && [ "$MANAGER_NAME" != "$APP_NAME" ]; then
    # Both apps read one package; the second one takes the new one when it starts.
    az functionapp restart --name "$MANAGER_NAME" --resource-group "$AZURE_RESOURCE_GROUP" --subscription "$AZURE_SUBSCRIPTION_ID" --only-show-errors
    az rest --method post --only-show-errors --url "https://management.azure.com/subscriptions/$AZURE_SUBSCRIPTION_ID/resourceGroups/$AZURE_RESOURCE_GROUP/providers/Microsoft.Web/sites/$MANAGER_NAME/syncfunctiontriggers?api-version=2024-11-01"
fi
tries=0
until curl --fail --silent --show-error --max-time 60 "$FLEET_URL/healthz"; do
    tries=$((tries + 1))
    if [ "$tries" -ge 20 ]; then
        echo "$FLEET_URL does not answer yet. A role takes some minutes to spread: try 'curl $FLEET_URL/healthz' again, then 'azd monitor --logs'." >&2
        exit 1
    fi
    sleep 15
done
cat <<TEXT

Fleet is at        $FLEET_URL
Manager at         $MANAGER_URL   (user 'admin')
  its password     az keyvault secret show --subscription $AZURE_SUBSCRIPTION_ID --vault-name $VAULT_NAME --name admin-password --query value --output tsv
  enroll secret    az keyvault secret show --subscription $AZURE_SUBSCRIPTION_ID --vault-name $VAULT_NAME --name first-enroll-secret --query value --output tsv
Agents' flags      infra/README.md#agents
TEXT
