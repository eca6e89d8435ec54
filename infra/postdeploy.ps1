# After 'azd deploy': wakes the app, which makes the first enroll secret and the admin's password, and says where they are.
$ErrorActionPreference = 'Stop'
if ($env:MANAGER_NAME -and $env:MANAGER_NAME -ne $env:APP_NAME) {
    # Both apps read one package; the second one takes the new one when it starts.
    az functionapp restart --name $env:MANAGER_NAME --resource-group $env:AZURE_RESOURCE_GROUP --subscription $env:AZURE_SUBSCRIPTION_ID --only-show-errors
    if ($LASTEXITCODE -ne 0) { throw "$env:MANAGER_NAME could not be restarted." }
    az rest --method post --only-show-errors --url "https://management.azure.com/subscriptions/$env:AZURE_SUBSCRIPTION_ID/resourceGroups/$env:AZURE_RESOURCE_GROUP/providers/Microsoft.Web/sites/$env:MANAGER_NAME/syncfunctiontriggers?api-version=2024-11-01"
    if ($LASTEXITCODE -ne 0) { throw "The functions of $env:MANAGER_NAME could not be read anew." }
}
for ($tries = 0; ; $tries++) {
    try { Invoke-RestMethod -Uri "$env:FLEET_URL/healthz" -TimeoutSec 60 | Out-Null; break }
    catch {
        if ($tries -ge 20) { throw "$env:FLEET_URL does not answer yet. A role takes some minutes to spread: try again, then 'azd monitor --logs'." }
        Start-Sleep -Seconds 15
    }
}
Write-Host @"

Fleet is at        $env:FLEET_URL
Manager at         $env:MANAGER_URL   (user 'admin')
  its password     az keyvault secret show --subscription $env:AZURE_SUBSCRIPTION_ID --vault-name $env:VAULT_NAME --name admin-password --query value --output tsv
  enroll secret    az keyvault secret show --subscription $env:AZURE_SUBSCRIPTION_ID --vault-name $env:VAULT_NAME --name first-enroll-secret --query value --output tsv
Agents' flags      infra/README.md#agents
"@
