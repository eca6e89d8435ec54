// A name of one's own, with a certificate that the platform renews. Its CNAME and its TXT record 'asuid.NAME' must be there first.
param appName string
param location string
param tags { *: string }
param domain string

@description('Whether it is bound with its certificate already.')
param isBound bool

resource app 'Microsoft.Web/sites@2025-03-01' existing = {
  name: appName
}

resource binding 'Microsoft.Web/sites/hostNameBindings@2025-03-01' = if (!isBound) {
  parent: app
  name: domain
  properties: {
    siteName: appName
    hostNameType: 'Verified'
    sslState: 'Disabled'
  }
}

// Flex Consumption takes certificates of the site, not of the plan.
resource certificate 'Microsoft.Web/sites/certificates@2025-03-01' = {
  parent: app
  name: 'cert-${replace(domain, '.', '-')}'
  location: location
  tags: tags
  properties: {
    serverFarmId: app.properties.serverFarmId
    canonicalName: domain
  }
  dependsOn: [binding]
}

module secured 'domain-tls.bicep' = {
  params: {
    appName: appName
    domain: domain
    thumbprint: certificate.properties.thumbprint
  }
}
